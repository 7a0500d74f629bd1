// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session, OutgoingHttpHeaders } from "node:http2";
import { connect as connectHttp2 } from "node:http2";

import type { JsonValue } from "@bufbuild/protobuf";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { systemClock } from "../base/mod.ts";
import { connect, Status, StatusError } from "../grpc/mod.ts";
import type { Dispatch } from "../router/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { startEndpoint } from "./endpoint.ts";
import { ListenError } from "./listen-error.ts";
import { dispatchOf, echo, RawClient, runEndpoint, spec } from "./testdata/running-endpoint.ts";

interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly errorCode: string | null;
  readonly body: string;
}

interface Request {
  readonly method?: string;
  readonly path: string;
  readonly json?: string;
}

/** Clients for both versions of HTTP. Both must get the same answers. */
const clients = {
  "HTTP/1.1": async (port: number, { method = "GET", path, json }: Request): Promise<Answer> => {
    // Without this, `fetch` accepts any type, and so gets errors as JSON.
    const headers: Record<string, string> = { accept: "text/plain" };
    if (json !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body: json ?? null });
    const { status } = response;
    const contentType = response.headers.get("content-type");
    const errorCode = response.headers.get("perdure-error-code");
    return { status, contentType, errorCode, body: await response.text() };
  },
  "HTTP/2": async (port: number, { method = "GET", path, json }: Request): Promise<Answer> => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    try {
      return await request2(session, { ":method": method, ":path": path }, json);
    } finally {
      session.close();
    }
  },
};

function request2(session: ClientHttp2Session, headers: OutgoingHttpHeaders, json?: string): Promise<Answer> {
  const type = json === undefined ? {} : { "content-type": "application/json" };
  const stream = session.request({ ...headers, ...type }, { endStream: json === undefined });
  stream.setEncoding("utf8");
  let body = "";
  let answer: Answer | undefined;
  stream.on("response", (response) => {
    const status = response[":status"] ?? 0;
    const contentType = response["content-type"] ?? null;
    answer = { status, contentType, errorCode: (response["perdure-error-code"] as string) ?? null, body };
  });
  stream.on("data", (chunk: string) => (body += chunk));
  return new Promise((resolve, reject) => {
    stream.on("error", reject);
    stream.on("close", () =>
      answer === undefined ? reject(new Error("no answer")) : resolve({ ...answer, body }),
    );
    if (json !== undefined) stream.end(json);
  });
}

const ok = (body: string): Answer => ({
  status: 200,
  contentType: "application/json",
  errorCode: null,
  body,
});
const refusal = (status: number, errorCode: string, body: string): Answer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  errorCode,
  body,
});

for (const [version, send] of Object.entries(clients)) {
  test(`${version}: JSON goes in and out`, async (t) => {
    const endpoint = await runEndpoint(t);
    const path = "/perdure.test.library.Plain/Echo";
    const answer = await send(endpoint.port, { method: "POST", path, json: '{"key":"ä","note":"€"}' });
    t.is(answer.status, 200);
    t.is(answer.contentType, "application/json");
    t.like(JSON.parse(answer.body), { key: "ä", note: "€", large: "0" });
    t.deepEqual(
      await send(endpoint.port, { path: "/books/1" }),
      ok('{"isbn":"1","title":"","tags":[],"copies":"0"}'),
    );
  });

  test(`${version}: refusals carry a text and a code`, async (t) => {
    const endpoint = await runEndpoint(t);
    t.deepEqual(
      await send(endpoint.port, { path: "/nowhere" }),
      refusal(404, "UNKNOWN_PATH", "nothing is served under GET /nowhere"),
    );
    const bad = await send(endpoint.port, { method: "PUT", path: "/books/1", json: '{"titel":1}' });
    t.is(bad.status, 400);
    t.is(bad.errorCode, "UNKNOWN_JSON_FIELD");
    for (const method of ["POST", "REPORT"]) {
      const other = await send(endpoint.port, { method, path: "/books/1" });
      t.like(other, { status: 405, errorCode: "METHOD_NOT_ALLOWED" });
    }
    const options = await send(endpoint.port, { method: "OPTIONS", path: "/books/1" });
    t.like(options, { status: 200, body: "", errorCode: null });
    const head = await send(endpoint.port, { method: "HEAD", path: "/books/1" });
    t.like(head, { status: 200, contentType: "application/json", body: "" });
    t.like(await send(endpoint.port, { method: "HEAD", path: "/nowhere" }), {
      status: 404,
      errorCode: "UNKNOWN_PATH",
      body: "",
    });
    t.is((await send(endpoint.port, { path: "/books/1" })).status, 200, "after HEAD");
  });

  test(`${version}: the status follows gRPC's, the text is exactly the failure's`, async (t) => {
    const statuses: readonly (readonly [Status, number])[] = [
      [Status.CANCELLED, 499],
      [Status.UNKNOWN, 500],
      [Status.INVALID_ARGUMENT, 400],
      [Status.DEADLINE_EXCEEDED, 504],
      [Status.NOT_FOUND, 404],
      [Status.ALREADY_EXISTS, 409],
      [Status.PERMISSION_DENIED, 403],
      [Status.RESOURCE_EXHAUSTED, 429],
      [Status.FAILED_PRECONDITION, 400],
      [Status.ABORTED, 409],
      [Status.OUT_OF_RANGE, 400],
      [Status.UNIMPLEMENTED, 501],
      [Status.INTERNAL, 500],
      [Status.UNAVAILABLE, 503],
      [Status.DATA_LOSS, 500],
      [Status.UNAUTHENTICATED, 401],
    ];
    let status: Status = Status.OK;
    const endpoint = await runEndpoint(t, async () => {
      throw new StatusError(status, "SOME_CODE", "quantity must be > 0 – äöü\n");
    });
    for (const [grpcStatus, httpStatus] of statuses) {
      status = grpcStatus;
      const answer = await send(endpoint.port, { path: "/books/1" });
      t.deepEqual(answer, refusal(httpStatus, "SOME_CODE", "quantity must be > 0 – äöü\n"));
    }
  });

  test(`${version}: an unforeseen error tells the caller nothing`, async (t) => {
    const endpoint = await runEndpoint(t, async () => {
      throw new Error("secret");
    });
    t.deepEqual(await send(endpoint.port, { path: "/books/1" }), refusal(500, "INTERNAL", "internal error"));
  });

  test(`${version}: without a specification everything is unavailable, and it can come and go`, async (t) => {
    const endpoint = await runEndpoint(t);
    const path = "/books/1";
    t.is((await send(endpoint.port, { path })).status, 200);
    endpoint.setSpec(undefined);
    for (const asked of [path, "/nowhere"]) {
      const answer = await send(endpoint.port, { path: asked });
      t.is(answer.status, 503);
      t.is(answer.errorCode, "USER_FUNCTION_UNAVAILABLE");
    }
    const services = new Map([...spec.services].filter(([name]) => name.endsWith("Plain")));
    endpoint.setSpec({ ...spec, services });
    t.is((await send(endpoint.port, { path })).status, 404);
    endpoint.setSpec(spec);
    t.is((await send(endpoint.port, { path })).status, 200);
  });

  test(`${version}: too many open requests are refused`, async (t) => {
    const held = Promise.withResolvers<void>();
    const endpoint = await runEndpoint(
      t,
      async (command) => {
        await held.promise;
        return echo(command);
      },
      { maxOpenRequests: 1 },
    );
    const first = send(endpoint.port, { path: "/books/1" });
    const second = send(endpoint.port, { path: "/books/2" });
    const answer = await Promise.race([first, second]);
    t.is(answer.status, 503);
    t.is(answer.errorCode, "ENDPOINT_OVERLOADED");
    held.resolve();
    const statuses = [(await first).status, (await second).status];
    t.deepEqual(new Set(statuses), new Set(statuses[0] === 200 ? [200, 503] : [503, 200]));
  });
}

// gRPC

const getBook = "/perdure.test.library.Library/GetBook";
const book = encodeInput({ isbn: "7" });

function encodeInput(json: JsonValue): Uint8Array {
  const method = spec.services.get("perdure.test.library.Library")?.methods.get("GetBook");
  if (method === undefined) throw new Error("no method GetBook");
  return toBinary(method.desc.input, fromJson(method.desc.input, json));
}

test("a gRPC call is dispatched with its deadline, beside JSON on the same port", async (t) => {
  let leftMs: number | undefined;
  const endpoint = await runEndpoint(t, async (command) => {
    t.is(command.method.desc.name, "GetBook");
    leftMs = command.call.deadlineMs && command.call.deadlineMs - systemClock.monotonicMs();
    return echo(command);
  });
  const connection = await connect({ host: "127.0.0.1", port: endpoint.port, clock: systemClock });
  const reply = await connection.unary(getBook, book, { timeoutMs: 5_000 });
  t.deepEqual(Buffer.from(reply.message), Buffer.from(book));
  t.true(leftMs !== undefined && leftMs > 3_000 && leftMs <= 5_000, `${leftMs} ms were left`);
  t.is((await clients["HTTP/1.1"](endpoint.port, { path: "/books/1" })).status, 200);
  t.is(leftMs, undefined, "HTTP has no deadline");
  await connection.close();
});

test("a gRPC caller gets the failure's status and text, and what is not served as gRPC has it", async (t) => {
  const endpoint = await runEndpoint(t, async () => {
    throw new StatusError(Status.UNKNOWN, "FAILED_BY_USER_FUNCTION", "no such book");
  });
  const connection = await connect({ host: "127.0.0.1", port: endpoint.port, clock: systemClock });
  await t.throwsAsync(connection.unary(getBook, book), {
    message: "no such book",
    code: "FAILED_BY_USER_FUNCTION",
  });
  const unknown = await t.throwsAsync<StatusError>(connection.unary("/x.Y/Z", book));
  t.is(unknown?.status, Status.UNIMPLEMENTED);
  endpoint.setSpec(undefined);
  for (const path of [getBook, "/x.Y/Z", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]) {
    const error = await t.throwsAsync<StatusError>(connection.unary(path, book));
    t.is(error?.status, Status.UNAVAILABLE);
    t.is(error?.code, "USER_FUNCTION_UNAVAILABLE");
  }
  await connection.close();
});

// Callers that go away

/** A dispatch that never answers, and tells when it was called and when it was cancelled. */
function hanging() {
  const called = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const dispatch: Dispatch["unary"] = (command) => {
    command.call.onCancel(() => cancelled.resolve());
    called.resolve();
    return new Promise(() => undefined);
  };
  return { dispatch, called: called.promise, cancelled: cancelled.promise };
}

test("HTTP/1.1: a caller that goes away cancels its command", async (t) => {
  const { dispatch, called, cancelled } = hanging();
  const endpoint = await runEndpoint(t, dispatch);
  const client = new RawClient(endpoint.port).send("GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n");
  await called;
  client.socket.destroy();
  await cancelled;
  t.pass();
});

test("HTTP/2: a caller that resets its stream, or loses its connection, cancels its command", async (t) => {
  for (const leave of ["close", "destroy"] as const) {
    const { dispatch, called, cancelled } = hanging();
    const endpoint = await runEndpoint(t, dispatch);
    const session = connectHttp2(`http://127.0.0.1:${endpoint.port}`);
    const stream = session.request({ ":path": "/books/1" });
    stream.on("error", () => undefined);
    await called;
    if (leave === "close") stream.close(8);
    else session.destroy();
    await cancelled;
    session.destroy();
    await endpoint.close(0);
  }
  t.pass();
});

test("a command that was answered is not cancelled afterwards", async (t) => {
  let cancelled = 0;
  const endpoint = await runEndpoint(t, async (command) => {
    command.call.onCancel(() => cancelled++);
    return echo(command);
  });
  for (const send of Object.values(clients))
    t.is((await send(endpoint.port, { path: "/books/1" })).status, 200);
  await endpoint.close(0);
  t.is(cancelled, 0);
});

// Opening and draining

test("a port in use says so and what to do", async (t) => {
  const endpoint = await runEndpoint(t);
  const again = startEndpoint(
    { httpPort: endpoint.port, httpHost: "127.0.0.1" },
    { dispatch: dispatchOf(echo), clock: systemClock, telemetry: NO_TELEMETRY },
  );
  const error = await t.throwsAsync(again, { instanceOf: ListenError, code: "ENDPOINT_PORT_IN_USE" });
  t.regex(error?.message ?? "", /^port \d+ is in use by another process; stop .* HTTP_PORT$/);
});

test("an address that is not this machine's is a clear error", async (t) => {
  const started = startEndpoint(
    { httpPort: 0, httpHost: "192.0.2.1" },
    { dispatch: dispatchOf(echo), clock: systemClock, telemetry: NO_TELEMETRY },
  );
  await t.throwsAsync(started, {
    instanceOf: ListenError,
    code: "ENDPOINT_LISTEN_FAILED",
    message: /192\.0\.2\.1/,
  });
});

test("closing finishes open calls, refuses new connections, and ends idle ones at once", async (t) => {
  const called = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let calls = 0;
  const endpoint = await runEndpoint(t, async (command) => {
    if (++calls === 2) called.resolve();
    await held.promise;
    return echo(command);
  });
  const idle = new RawClient(endpoint.port);
  await new Promise((resolve) => idle.socket.once("connect", resolve));
  const busy = new RawClient(endpoint.port).send("GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n");
  const session = connectHttp2(endpoint.url);
  const overHttp2 = request2(session, { ":path": "/books/2" });
  await called.promise;

  const startedMs = systemClock.monotonicMs();
  const closed = endpoint.close(60_000);
  await idle.closed;
  await t.throwsAsync(fetch(`${endpoint.url}/books/3`));
  held.resolve();
  t.is((await overHttp2).status, 200);
  const answer = await busy.closed;
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(answer, /connection: close/i);
  await closed;
  t.true(systemClock.monotonicMs() - startedMs < 10_000);
});

test("closing breaks what is still open when the time is over", async (t) => {
  const { dispatch, called, cancelled } = hanging();
  const endpoint = await runEndpoint(t, dispatch);
  const busy = new RawClient(endpoint.port).send("GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n");
  const session = connectHttp2(endpoint.url);
  session.on("error", () => undefined);
  const stuck = t.throwsAsync(request2(session, { ":path": "/books/2" }));
  await called;
  await endpoint.close(50);
  await Promise.all([cancelled, stuck]);
  t.is(await busy.closed, "");
});
