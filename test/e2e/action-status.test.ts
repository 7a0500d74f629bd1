// SPDX-License-Identifier: Apache-2.0
//
// What gRPC carries beside the messages of an action, from our SDK through the proxy to callers.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ServiceError, StatusObject } from "@grpc/grpc-js";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { ActionHandlers } from "../../pkg/sdk/mod.ts";
import { action, serve } from "../../pkg/sdk/mod.ts";

import { StatusSchema } from "../../pkg/protocol/gen/google/rpc/status_pb.ts";
import { GroupsSchema, Pipeline, ResponseSchema } from "../../pkg/sdk/test-model/gen/model_pb.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";

const decode = (bytes: Buffer) => fromBinary(ResponseSchema, bytes).message;
const REQUEST = Buffer.from(toBinary(GroupsSchema, { $typeName: "perdure.sdk.test.Groups", groups: [] }));
const same = (bytes: Buffer) => bytes;
const path = (name: string): string => `/${Pipeline.typeName}/${name}`;

async function start(t: ExecutionContext, handlers: Partial<ActionHandlers<typeof Pipeline>>) {
  const pipeline = action(Pipeline, {
    unary: () => ({ message: "" }),
    streamedIn: () => ({ message: "" }),
    streamedOut: () => [],
    streamed: () => [],
    touch: () => undefined,
    ...handlers,
  });
  const userFunction = await serve({ entities: [pipeline], port: 0, handleSignals: false });
  t.teardown(() => userFunction.close());
  const local = await startLocalProxy(t, userFunction.port);
  await local.ready();
  const client = new Client(`127.0.0.1:${local.proxy.port}`, credentials.createInsecure());
  t.teardown(() => client.close());
  return { local, client };
}

/** Everything that a caller gets of a call. */
interface Heard {
  readonly messages: readonly string[];
  readonly headers: Metadata | undefined;
  readonly end: StatusObject;
}

function call(client: Client, name: string, metadata = new Metadata(), deadline?: number): Promise<Heard> {
  const options = deadline === undefined ? {} : { deadline };
  const stream = client.makeServerStreamRequest(path(name), same, decode, REQUEST, metadata, options);
  const messages: string[] = [];
  let headers: Metadata | undefined;
  stream.on("metadata", (given: Metadata) => (headers = given));
  stream.on("data", (message: string) => messages.push(message));
  stream.on("error", (_error: ServiceError) => undefined);
  return new Promise((resolve) => stream.on("status", (end) => resolve({ messages, headers, end })));
}

test("an action's own status reaches its caller with details, headers and trailers; over HTTP it is a status", async (t) => {
  const options = {
    details: [anyPack(EmptySchema, { $typeName: "google.protobuf.Empty" })],
    metadata: { "x-head": "1" },
    trailers: { "x-tail-bin": Uint8Array.of(0, 255) },
  };
  const { local, client } = await start(t, {
    unary: (_message, { abort }) => abort("NOT_FOUND", "no such book", options),
    // oxlint-disable-next-line require-yield -- It fails before it has anything to give.
    async *streamedOut(_messages, { abort }) {
      abort("NOT_FOUND", "no such book", options);
    },
  });
  for (const name of ["Unary", "StreamedOut"]) {
    const { headers, end } = await call(client, name);
    t.like(end, { code: status.NOT_FOUND, details: "no such book" }, name);
    t.deepEqual(headers?.get("x-head"), ["1"], name);
    t.deepEqual(end.metadata.get("x-tail-bin"), [Buffer.from([0, 255])], name);
    const [bytes] = end.metadata.get("grpc-status-details-bin");
    const told = fromBinary(StatusSchema, bytes as Buffer);
    t.deepEqual([told.code, told.message, told.details.length], [5, "no such book", 1], name);
  }
  const http = await local.http.call(path("Unary"), { body: {} });
  t.like(http, { status: 404, body: "no such book", errorCode: "NOT_FOUND" });
});

test("a reply's trailers come behind it, of a stream behind the last one; over HTTP they are left out", async (t) => {
  const { local, client } = await start(t, {
    unary: (_message, { reply }) => reply(ResponseSchema, {}, { trailers: { "x-tail": ["1", "2"] } }),
    *streamedOut(_message, { reply }) {
      yield reply(ResponseSchema, { message: "a" }, { metadata: { "x-head": "0" } });
      yield reply(ResponseSchema, { message: "b" }, { trailers: { "x-tail": ["1", "2"] } });
    },
  });
  const unary = await call(client, "Unary");
  const stream = await call(client, "StreamedOut");
  for (const { end } of [unary, stream]) {
    t.is(end.code, status.OK);
    t.is(end.metadata.get("x-tail").join(", "), "1, 2");
  }
  t.deepEqual([stream.headers?.get("x-head"), stream.messages], [["0"], ["a", "b"]]);
  const json = { method: "POST", body: "{}", headers: { "content-type": "application/json" } };
  const http = await fetch(`http://127.0.0.1:${local.proxy.port}${path("Unary")}`, json);
  t.deepEqual([http.status, await http.text()], [200, '{"message":""}']);
  t.false([...http.headers.keys()].some((name) => name.includes("tail")));
});

test("an action sees its caller's time and metadata, texts and bytes", async (t) => {
  const { client } = await start(t, {
    unary: (_message, { timeoutMs = -1, metadata }) => {
      const bytes = metadata.getBytes("x-two-bin") ?? "none";
      const isTimed = timeoutMs > 50_000 && timeoutMs <= 60_000;
      return { message: `${isTimed} ${String(metadata.getAll("x-one"))} ${Buffer.from(bytes).toString()}` };
    },
  });
  const metadata = new Metadata();
  metadata.add("x-one", "1");
  metadata.add("x-one", "2");
  metadata.add("x-two-bin", Buffer.from("ä"));
  t.deepEqual((await call(client, "Unary", metadata, Date.now() + 60_000)).messages, ["true 1,2 ä"]);
  t.deepEqual((await call(client, "Unary")).messages, ["false  none"]);
});

test("headers and trailers of a stream that ends well reach the caller, with the replies or without any", async (t) => {
  const given = { metadata: { "x-head": "end" }, trailers: { "x-tail": ["1", "2"] } };
  let replies: readonly string[] = [];
  const { client } = await start(t, {
    *streamedOut(_message, { reply, finish }) {
      for (const message of replies)
        yield reply(
          ResponseSchema,
          { message },
          { metadata: { "x-head": message }, trailers: { "x-tail": message } },
        );
      return finish(given);
    },
  });
  const none = await call(client, "StreamedOut");
  t.deepEqual([none.messages, none.end.code], [[], status.OK]);
  t.deepEqual(none.headers?.get("x-head"), ["end"]);
  t.is(none.end.metadata.get("x-tail").join(), "1, 2");
  replies = ["a", "b"];
  const some = await call(client, "StreamedOut");
  t.deepEqual([some.messages, some.end.code], [["a", "b"], status.OK]);
  t.deepEqual(some.headers?.get("x-head"), ["a"]);
  t.is(some.end.metadata.get("x-tail").join(), "1, 2");
});
