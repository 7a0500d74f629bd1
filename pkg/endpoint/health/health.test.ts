// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { systemClock } from "../../base/mod.ts";
import type { CallEnd, Connection } from "../../grpc/mod.ts";
import { connect, Status, StatusError } from "../../grpc/mod.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} from "../../protocol/mod.ts";

import type { Endpoint } from "../endpoint.ts";
import { readWebAnswer, webCall, webFrame } from "../testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "../testdata/http-clients.ts";
import { echo, runEndpoint, spec } from "../testdata/running-endpoint.ts";

const TALKS = "perdure.test.library.Talks";
const path = (name: string): string => `/grpc.health.v1.Health/${name}`;

async function start(t: ExecutionContext): Promise<{ endpoint: Endpoint; connection: Connection }> {
  const endpoint = await runEndpoint(t);
  const connection = await connect({ host: "127.0.0.1", port: endpoint.port, clock: systemClock });
  t.teardown(() => connection.close());
  return { endpoint, connection };
}

function request(service: string): Uint8Array {
  return toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }));
}

function statusOf(bytes: Uint8Array): string {
  const { status } = fromBinary(HealthCheckResponseSchema, bytes);
  const [name] =
    Object.entries(HealthCheckResponse_ServingStatus).find(([, value]) => value === status) ?? [];
  return String(name);
}

async function check(connection: Connection, service: string): Promise<string> {
  return statusOf((await connection.unary(path("Check"), request(service))).message);
}

/**
 * Watches a service. Each call of the returned function resolves with the next status, and at last with the code of
 * the watch's end.
 */
function watch(connection: Connection, service: string): () => Promise<string> {
  const told: string[] = [];
  let wake = (): void => undefined;
  const hear = (text: string): void => {
    told.push(text);
    wake();
  };
  const stream = connection.open(path("Watch"), {
    onMessage: (bytes) => hear(statusOf(bytes)),
    onEnd: (end: CallEnd) => hear(end.code),
  });
  stream.send(request(service));
  stream.end();
  return async () => {
    while (told.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return told.shift() ?? "";
  };
}

test("the server and its services are served from the coming of a specification to its going", async (t) => {
  const { endpoint, connection } = await start(t);
  for (const service of ["", TALKS]) t.is(await check(connection, service), "SERVING");
  const unknown = await t.throwsAsync(check(connection, "x.Y"), { instanceOf: StatusError });
  t.is(unknown?.status, Status.NOT_FOUND);
  t.is(unknown?.code, "UNKNOWN_SERVICE");
  endpoint.setSpec(undefined);
  for (const service of ["", TALKS, "x.Y"]) t.is(await check(connection, service), "NOT_SERVING");
  endpoint.setSpec(spec);
  t.is(await check(connection, TALKS), "SERVING");
});

test("every service is listed", async (t) => {
  const { connection } = await start(t);
  const { message } = await connection.unary(path("List"), new Uint8Array(0));
  const { statuses } = fromBinary(HealthListResponseSchema, message);
  t.deepEqual(Object.keys(statuses).sort(), ["", ...spec.services.keys()].sort());
  t.true(Object.values(statuses).every(({ status }) => status === HealthCheckResponse_ServingStatus.SERVING));
});

test("a watcher is told at once and of each change, but not twice the same, until the server ends", async (t) => {
  const { endpoint, connection } = await start(t);
  const talks = watch(connection, TALKS);
  const unknown = watch(connection, "x.Y");
  t.is(await talks(), "SERVING");
  t.is(await unknown(), "SERVICE_UNKNOWN");
  endpoint.setSpec(spec);
  endpoint.setSpec(undefined);
  t.is(await talks(), "NOT_SERVING");
  t.is(await unknown(), "NOT_SERVING");
  endpoint.setSpec({ ...spec, services: new Map() });
  t.is(await talks(), "SERVICE_UNKNOWN");
  endpoint.setSpec(spec);
  t.is(await talks(), "SERVING");
  const startedMs = systemClock.monotonicMs();
  const closed = endpoint.close(60_000);
  t.is(await talks(), "NOT_SERVING");
  t.is(await talks(), "PROXY_STOPPING");
  await connection.close();
  await closed;
  t.true(systemClock.monotonicMs() - startedMs < 10_000, "watchers do not hold the end");
});

test("a question that is none is refused", async (t) => {
  const { connection } = await start(t);
  const call = connection.unary(path("Check"), new Uint8Array([0x0a, 0xff]));
  t.is((await t.throwsAsync(call, { instanceOf: StatusError }))?.code, "MALFORMED_MESSAGE");
});

test("health is asked by gRPC-Web too", async (t) => {
  const endpoint = await runEndpoint(t);
  const call = { ...webCall("", webFrame(request(TALKS))), path: path("Check") };
  const { messages } = await readWebAnswer(await HTTP_CLIENTS["HTTP/1.1"](endpoint.port, call));
  t.deepEqual(messages, ["\b\u0001"]);
});

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  test(`${version}: Knative's network probe is answered where no method is, and only while something is served`, async (t) => {
    const endpoint = await runEndpoint(t, echo);
    const probe = async (at: string, value: string) => {
      const reply = await send(endpoint.port, { path: at, headers: { "k-network-probe": value } });
      const chunks: Buffer[] = [];
      for await (const chunk of reply.body) chunks.push(chunk as Buffer);
      return [reply.status, reply.headers["perdure-error-code"] ?? Buffer.concat(chunks).toString()];
    };
    t.deepEqual(await probe("/", "queue"), [200, "queue"]);
    t.deepEqual(await probe("/healthz", "queue"), [200, "queue"]);
    t.deepEqual(await probe("/", "probe"), [400, "UNKNOWN_PROBE"]);
    t.deepEqual(await probe("/books/1", "probe"), [200, '{"isbn":"1","title":"","tags":[],"copies":"0"}']);
    endpoint.setSpec(undefined);
    t.deepEqual(await probe("/", "queue"), [503, "USER_FUNCTION_UNAVAILABLE"]);
  });
}

for (const [what, method] of [
  ["health", path("Check")],
  ["a watch of health", path("Watch")],
  ["reflection", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"],
] as const) {
  test(`a request for ${what} of 4,000,000 unknown fields is refused before it is read (I11)`, async (t) => {
    const { connection } = await start(t);
    const ended = Promise.withResolvers<string>();
    const stream = connection.open(method, {
      onMessage: () => undefined,
      onEnd: (end: CallEnd) => ended.resolve(end.code),
    });
    stream.send(Buffer.alloc(12_000_000, Buffer.from([0xf8, 0x0f, 0])));
    stream.end();
    t.is(await ended.promise, "MESSAGE_TOO_LARGE");
    t.is(await check(connection, ""), "SERVING");
  });
}
