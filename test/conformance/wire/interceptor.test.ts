// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";

import type { ServerDuplexStream } from "@grpc/grpc-js";
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import test from "ava";

import type { TestScope } from "../../lib/processes.ts";
import { Interceptor } from "./interceptor.ts";
import { asBuffer, asIs, Peer } from "./peer.ts";

const PATH = "/cloudstate.eventsourced.EventSourced/handle";
const WITHIN_MS = 20_000;

type Call = ServerDuplexStream<Buffer, Uint8Array>;

/** Starts a server with one method, an interceptor in front of it, and a client of the interceptor. */
async function startWorld(scope: TestScope, handle: (call: Call) => void) {
  const server = new Server();
  const method = {
    path: PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: asBuffer,
    requestDeserialize: asIs,
    responseSerialize: asBuffer,
    responseDeserialize: asIs,
  } as const;
  server.addService({ handle: method }, { handle });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const interceptor = await Interceptor.listen({ host: "127.0.0.1", port: 0, service: `127.0.0.1:${port}` });
  const peer = new Peer(`127.0.0.1:${interceptor.port}`);
  scope.teardown(() => {
    peer.close();
    interceptor.close();
    server.forceShutdown();
  });
  return { interceptor, peer };
}

test("messages pass byte for byte, and are kept by side, with the ends", async (t) => {
  const { interceptor, peer } = await startWorld(t, (call) => {
    call.on("data", (bytes: Buffer) => call.write(Buffer.concat([bytes, bytes])));
    call.on("end", () => call.end());
  });
  const call = peer.open(PATH);
  // These bytes are no protobuf messages. They pass, because nothing is decoded on the way.
  const sent = [Uint8Array.of(255, 255, 0), new Uint8Array(), new Uint8Array(100_000).fill(7)];
  for (const bytes of sent) call.send(bytes);
  call.complete();

  const recorded = await interceptor.claim(PATH, WITHIN_MS);
  for (const bytes of sent) {
    const message = { kind: "message", bytes: Buffer.from(bytes) } as const;
    t.deepEqual(await recorded?.fromProxy.next(WITHIN_MS), message);
    const twice = { kind: "message", bytes: Buffer.concat([bytes, bytes]) } as const;
    t.deepEqual(await recorded?.fromService.next(WITHIN_MS), twice);
    t.deepEqual(await call.answers.next(WITHIN_MS), twice);
  }
  t.deepEqual(await recorded?.fromProxy.next(WITHIN_MS), { kind: "completed" });
  t.deepEqual(await recorded?.fromService.next(WITHIN_MS), { kind: "completed" });
  t.deepEqual(await call.answers.next(WITHIN_MS), { kind: "completed" });
  t.is(await interceptor.claim(PATH, 0), undefined);
});

test("a status passes with its text, and so does what is about to be sent before it", async (t) => {
  const { interceptor, peer } = await startWorld(t, (call) => {
    call.write(Buffer.from("first"));
    call.emit("error", { code: status.ABORTED, details: "no, thänks", metadata: new Metadata() });
  });
  const call = peer.open(PATH);
  t.deepEqual(await call.answers.next(WITHIN_MS), { kind: "message", bytes: Buffer.from("first") });
  const failed = { kind: "failed", code: status.ABORTED, text: "no, thänks" } as const;
  t.deepEqual(await call.answers.next(WITHIN_MS), failed);
  const recorded = await interceptor.claim(PATH, WITHIN_MS);
  t.like(await recorded?.fromService.next(WITHIN_MS), { kind: "message" });
  t.deepEqual(await recorded?.fromService.next(WITHIN_MS), failed);
});

test("a reset of the proxy reaches the user function", async (t) => {
  const begun = Promise.withResolvers<Call>();
  const { interceptor, peer } = await startWorld(t, begun.resolve);
  peer.open(PATH).send(Buffer.from("first"));
  const call = await begun.promise;
  const cancelled = once(call, "cancelled");
  peer.reset();
  await cancelled;
  const recorded = await interceptor.claim(PATH, WITHIN_MS);
  t.like(await recorded?.fromProxy.next(WITHIN_MS), { kind: "message" });
  t.like(await recorded?.fromProxy.next(WITHIN_MS), { kind: "failed", code: status.CANCELLED });
});
