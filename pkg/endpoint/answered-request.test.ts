// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import { connect, Status, StatusError } from "../grpc/mod.ts";
import { HealthCheckRequestSchema } from "../protocol/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import type { AnsweredRequest } from "./answered-request.ts";
import { startEndpoint } from "./endpoint.ts";
import type { FrontPage } from "./http/http-handler.ts";
import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { dispatchOf, echo, GET, RawClient, spec } from "./testdata/running-endpoint.ts";
import { Talker } from "./testdata/web-sockets.ts";

const SAY = "/perdure.test.library.Talks/Say";
const front: FrontPage = () => ({
  status: 200,
  contentType: "text/plain",
  errorCode: undefined,
  body: "the front",
});

/** Starts an endpoint that records what it answers. `record` waits for a record and returns it. */
async function recording(t: ExecutionContext, unary = echo) {
  const records: AnsweredRequest[] = [];
  let wake = (): void => undefined;
  const endpoint = await startEndpoint(
    { httpPort: 0, httpHost: "127.0.0.1" },
    {
      dispatch: dispatchOf(unary),
      clock: systemClock,
      telemetry: NO_TELEMETRY,
      front,
      onAnswered: (answered) => {
        records.push(answered);
        wake();
      },
    },
  );
  t.teardown(() => endpoint.close(0));
  endpoint.setSpec(spec);
  /** The one record of what was just asked. */
  const record = async (): Promise<AnsweredRequest> => {
    while (records.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    const [first, ...others] = records.splice(0);
    t.deepEqual(others, []);
    t.true((first?.tookMs ?? -1) >= 0);
    return first as AnsweredRequest;
  };
  const { port } = endpoint;
  return { endpoint, port, record, none: () => t.deepEqual(records, []) };
}

const failing: typeof echo = async () => {
  throw new StatusError(Status.NOT_FOUND, "NO_BOOK", "there is no such book");
};

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: each request of HTTP is recorded once, whatever becomes of it`, async (t) => {
    const { port, record } = await recording(t);
    await send(port, { path: "/books/1?x=%20y" });
    t.like(await record(), { protocol: "http", method: "GET", target: "/books/1?x=%20y" });
    await send(port, { path: "/books/1" });
    const good = await record();
    t.like(good, { protocol: "http", method: "GET", target: "/books/1", status: 200, code: undefined });
    t.not(good.bytes, undefined);
    await send(port, { path: "/nowhere" });
    t.like(await record(), { status: 404, code: "UNKNOWN_PATH" });
    await send(port, { path: "/", headers: { "k-network-probe": "queue" } });
    t.like(await record(), { target: "/", status: 200 });
  });

  test(`${version}: gRPC-Web is recorded with its status`, async (t) => {
    const { port, record } = await recording(t);
    await readWebAnswer(await send(port, webCall("Say", webFrame("hi"))));
    t.like(await record(), { protocol: "grpc-web", target: SAY, method: undefined, status: Status.OK });
    await readWebAnswer(await send(port, webCall("Nothing", webFrame("hi"))));
    t.like(await record(), { protocol: "grpc-web", status: Status.UNIMPLEMENTED, code: "UNKNOWN_METHOD" });
  });

  test(`${version}: the front page is for GET and HEAD of /, and for nothing else`, async (t) => {
    const { endpoint, port } = await recording(t);
    const ask = async (method: string, path: string): Promise<string> => {
      const { status, body } = await send(port, { method, path });
      const chunks: Buffer[] = [];
      for await (const chunk of body) chunks.push(chunk as Buffer);
      return `${status} ${Buffer.concat(chunks).toString()}`;
    };
    t.is(await ask("GET", "/"), "200 the front");
    t.is(await ask("GET", "/?x=1"), "200 the front");
    t.is(await ask("HEAD", "/"), "200 ");
    t.regex(await ask("GET", "//"), /^404/);
    t.regex(await ask("GET", "/x"), /^404/);
    t.regex(await ask("DELETE", "/"), /^40[45]/);
    endpoint.setSpec(undefined);
    t.regex(await ask("GET", "/"), /^503/);
  });
}

test("gRPC is recorded: calls, refusals, health, and callers who go", async (t) => {
  const { port, record, none } = await recording(t);
  const connection = await connect({ host: "127.0.0.1", port, clock: systemClock });
  t.teardown(() => connection.close());
  const message = Buffer.from("hi");
  await connection.unary(SAY, message);
  const said = await record();
  t.like(said, { protocol: "grpc", target: SAY, method: undefined, status: Status.OK, code: undefined });
  t.not(said.bytes, undefined);
  await t.throwsAsync(connection.unary("/no.Where/To", message));
  t.like(await record(), { target: "/no.Where/To", status: Status.UNIMPLEMENTED, code: "UNKNOWN_METHOD" });
  const health = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service: "" }));
  await connection.unary("/grpc.health.v1.Health/Check", health);
  t.like(await record(), { target: "/grpc.health.v1.Health/Check", status: Status.OK });
  const stream = connection.open("/perdure.test.library.Talks/Chat", {
    onMessage: () => stream.cancel(),
    onEnd: () => undefined,
  });
  none();
  stream.send(message);
  t.like(await record(), { target: "/perdure.test.library.Talks/Chat", status: Status.CANCELLED });
});

test("a failure of the dispatch is recorded with its code, over HTTP and gRPC", async (t) => {
  const { port, record } = await recording(t, failing);
  await HTTP_CLIENTS["HTTP/1.1"](port, { path: "/books/1" });
  t.like(await record(), { status: 404, code: "NO_BOOK" });
  const connection = await connect({ host: "127.0.0.1", port, clock: systemClock });
  t.teardown(() => connection.close());
  await t.throwsAsync(connection.unary(SAY, Buffer.from("hi")));
  t.like(await record(), { protocol: "grpc", status: Status.NOT_FOUND, code: "NO_BOOK" });
});

test("a WebSocket is recorded when it ends, or when it is refused", async (t) => {
  const { port, record, none } = await recording(t);
  const talker = new Talker(t, port, "Chat", { protocols: ["perdure.proto"] });
  await talker.say(Buffer.from("hi"), "");
  await talker.closed;
  t.like(await record(), {
    protocol: "websocket",
    target: "/perdure.test.library.Talks/Chat",
    status: Status.OK,
  });
  const refused = new Talker(t, port, "Nothing");
  await t.throwsAsync(refused.opened);
  t.like(await record(), { protocol: "http", method: "GET", status: 404, code: "UNKNOWN_PATH" });
  none();
});

test("what cannot be read is recorded too", async (t) => {
  const { port, record } = await recording(t);
  await new RawClient(port).send("nonsense\r\n\r\n").closed;
  t.like(await record(), {
    protocol: "http",
    method: undefined,
    target: "",
    status: 400,
    code: "MALFORMED_REQUEST",
  });
  await new RawClient(port).send(GET.replace("host: x", "host: x\r\nhost: y")).closed;
  t.like(await record(), { protocol: "http", method: "GET", status: 400, code: "MALFORMED_REQUEST" });
});
