// SPDX-License-Identifier: Apache-2.0

import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectHttp2, constants } from "node:http2";
import { gunzipSync, gzipSync } from "node:zlib";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { LogFields, Logger } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import { encodePrefix } from "./framing.ts";
import { Metadata } from "./metadata.ts";
import type { MethodHandler, ServerCall, ServerStreamCall } from "./server-call.ts";
import type { GrpcServerOptions } from "./server-options.ts";
import { Status, StatusError } from "./status.ts";
import { startTestServer } from "./test-peers/interop-peer.ts";

function frame(bytes: Uint8Array | string, compressed = false): Buffer {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([encodePrefix(body.length, compressed), body]);
}

interface Client {
  readonly session: ClientHttp2Session;
  /** Sends a request, and resolves with the whole answer when the stream is closed. */
  call(name: string, body: Buffer | undefined, headers?: OutgoingHttpHeaders): Promise<Answer>;
  /** Opens a stream with these headers. The test sends the rest of the request. */
  begin(name: string, headers?: OutgoingHttpHeaders): ClientHttp2Stream;
}

interface Answer {
  readonly headers: IncomingHttpHeaders & { ":status"?: number };
  /** The trailers, or the headers if there was nothing else. */
  readonly end: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number;
}

/** Starts our server, and an HTTP/2 client that can send any request. */
async function start(
  t: ExecutionContext,
  options: Partial<GrpcServerOptions> = {},
  methods: Readonly<Record<string, MethodHandler>> = {},
): Promise<Client> {
  const server = await startTestServer(options, {}, methods);
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  session.on("error", () => undefined);
  t.teardown(async () => {
    session.destroy();
    await server.close();
  });
  const begin = (name: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream =>
    session.request(
      {
        ":method": "POST",
        ":path": `/interop.Peer/${name}`,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      },
      { endStream: false },
    );
  return {
    session,
    begin,
    call(name, body, headers) {
      const stream = begin(name, headers);
      const result = answerOf(stream);
      stream.end(body);
      return result;
    },
  };
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | undefined;
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      headers = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      const { rstCode } = stream;
      resolve({ headers, end: trailers ?? headers, body: Buffer.concat(chunks), rstCode });
    });
  });
}

type LogLine = readonly [message: string, fields: LogFields | undefined];

function logging(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const ignore = (): void => undefined;
  return {
    lines,
    logger: {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (message, fields) => void lines.push([message, fields]),
    },
  };
}

const EMPTY = frame("");

// Requests that are not gRPC

test("what is not a POST is 405, and what is not gRPC is 415", async (t) => {
  const client = await start(t);
  const get = await client.call("Echo", undefined, { ":method": "GET" });
  t.like(get.headers, { ":status": 405, allow: "POST", "perdure-error-code": "METHOD_NOT_ALLOWED" });
  for (const type of ["application/json", "application/grpc-web", "application/grpcx"]) {
    t.is((await client.call("Echo", EMPTY, { "content-type": type })).headers[":status"], 415);
  }
});

test("a call without te and with a named format, in letters of any case, is answered", async (t) => {
  const client = await start(t);
  const { end, body } = await client.call("Echo", frame("hello"), {
    te: undefined,
    "content-type": "application/gRPC+proto",
  });
  t.is(end["grpc-status"], "0");
  t.deepEqual(body, frame("hello"));
});

test("an unknown method is a single header block", async (t) => {
  const client = await start(t);
  const { headers, end } = await client.call("Nothing", EMPTY);
  t.is(headers[":status"], 200);
  t.like(end, { "grpc-status": "12", "perdure-error-code": "UNKNOWN_METHOD" });
});

// Requests that are wrong

const WRONG_REQUESTS: Readonly<
  Record<string, { body?: Buffer; headers?: OutgoingHttpHeaders; expected: string[] }>
> = {
  "no message": { expected: ["12", "MESSAGE_COUNT"] },
  "two messages": { body: Buffer.concat([EMPTY, EMPTY]), expected: ["12", "MESSAGE_COUNT"] },
  "half a message": { body: frame("hello").subarray(0, 7), expected: ["13", "BAD_FRAME"] },
  "half a prefix": { body: frame("hello").subarray(0, 3), expected: ["13", "BAD_FRAME"] },
  "unknown flags": { body: Buffer.from([9, 0, 0, 0, 0]), expected: ["13", "BAD_FRAME"] },
  "a message that is too large": {
    body: encodePrefix(2_000_000, false),
    expected: ["8", "MESSAGE_TOO_LARGE"],
  },
  "a bomb": {
    body: frame(gzipSync(Buffer.alloc(5_000_000)), true),
    headers: { "grpc-encoding": "gzip" },
    expected: ["8", "MESSAGE_TOO_LARGE"],
  },
  "a packed message that is none": {
    body: frame("no gzip", true),
    headers: { "grpc-encoding": "gzip" },
    expected: ["13", "BAD_COMPRESSION"],
  },
  "an unknown packing": {
    body: EMPTY,
    headers: { "grpc-encoding": "br" },
    expected: ["12", "UNKNOWN_ENCODING"],
  },
  "another format than protobuf": {
    body: EMPTY,
    headers: { "content-type": "application/grpc+json; charset=utf-8" },
    expected: ["12", "UNKNOWN_FORMAT"],
  },
  "a timeout that is none": {
    body: EMPTY,
    headers: { "grpc-timeout": "soon" },
    expected: ["13", "BAD_TIMEOUT"],
  },
};

for (const [name, { body, headers, expected }] of Object.entries(WRONG_REQUESTS)) {
  test(`a request with ${name} gets its status, and the method is not called`, async (t) => {
    let called = false;
    const echo: MethodHandler = {
      kind: "unary",
      handle: async (request) => {
        called = true;
        return request;
      },
    };
    const client = await start(t, { maxReceiveBytes: 1_000_000 }, { Echo: echo });
    const { end } = await client.call("Echo", body, headers);
    t.deepEqual([end["grpc-status"], end["perdure-error-code"]], expected);
    t.is(end["grpc-accept-encoding"], "identity,deflate,gzip");
    t.false(called);
    t.is((await client.call("Echo", EMPTY)).end["grpc-status"], "0");
  });
}

test("a refused caller that goes on sending is cut off", async (t) => {
  const client = await start(t, { maxReceiveBytes: 1_000 });
  const stream = client.begin("Echo");
  const result = answerOf(stream);
  stream.write(encodePrefix(1_001, false));
  const { end, rstCode } = await result;
  t.is(end["grpc-status"], "8");
  t.is(rstCode, constants.NGHTTP2_NO_ERROR);
  t.true(stream.destroyed);
});

test("a request that does not arrive whole in time is given up", async (t) => {
  const clock = new ManualClock();
  const client = await start(t, { clock, requestTimeoutMs: 3_000 });
  const stream = client.begin("Echo");
  const result = answerOf(stream);
  stream.write(frame("hello").subarray(0, 6));
  await client.call("Echo", EMPTY);
  clock.advance(3_000);
  t.like((await result).end, { "grpc-status": "4", "perdure-error-code": "REQUEST_TIMEOUT" });
});

// Methods that fail

test("a StatusError goes to the caller with its code; anything else is INTERNAL and only logged", async (t) => {
  const { logger, lines } = logging();
  const failing = (action: () => Promise<Uint8Array>): MethodHandler => ({ kind: "unary", handle: action });
  const client = await start(
    t,
    { telemetry: logsOnly(logger) },
    {
      Known: failing(async () => {
        throw new StatusError(Status.ABORTED, "RACE", "lost the race: ö");
      }),
      Secret: failing(async () => {
        throw new Error("password is 1234");
      }),
      Sync: failing(() => {
        throw new TypeError("at once");
      }),
      Odd: failing(() => Promise.resolve("no bytes" as unknown as Uint8Array)),
    },
  );
  t.like((await client.call("Known", EMPTY)).end, {
    "grpc-status": "10",
    "grpc-message": "lost the race: %C3%B6",
    "perdure-error-code": "RACE",
  });
  t.is(lines.length, 0);
  for (const name of ["Secret", "Sync"]) {
    const { end } = await client.call(name, EMPTY);
    t.like(end, {
      "grpc-status": "13",
      "grpc-message": "the method failed",
      "perdure-error-code": "HANDLER_FAILED",
    });
  }
  t.deepEqual(
    lines.map(([message, fields]) => [message, fields?.["error"]]),
    [
      ["method failed", "password is 1234"],
      ["method failed", "at once"],
    ],
  );
});

test("an error's own headers come before it, so that they are not taken for trailers", async (t) => {
  const tell = (call: ServerCall): never => {
    call.responseMetadata.set("x-head", "1");
    call.trailers.set("x-tail", "2");
    throw new StatusError(Status.NOT_FOUND, "NONE", "none");
  };
  const client = await start(
    t,
    {},
    { Unary: { kind: "unary", handle: async (_request, call) => tell(call) }, Stream: bidi(tell) },
  );
  for (const name of ["Unary", "Stream"]) {
    const { headers, end, body } = await client.call(name, EMPTY);
    t.like(headers, { "x-head": "1", "grpc-status": undefined, "x-tail": undefined }, name);
    t.like(end, { "grpc-status": "5", "x-tail": "2", "x-head": undefined }, name);
    t.is(body.length, 0);
  }
});

test("an answer with more metadata than may be sent is an error, an error with more is sent without", async (t) => {
  const long = "v".repeat(2_000);
  const client = await start(
    t,
    { maxMetadataBytes: 1_000 },
    {
      Answer: {
        kind: "unary",
        handle: async (request, call) => {
          call.responseMetadata.set("x-long", long);
          return request;
        },
      },
      Fail: {
        kind: "unary",
        handle: async (_request, call) => {
          call.responseMetadata.set("x-long", long);
          call.trailers.set("x-long", long);
          throw new StatusError(Status.NOT_FOUND, "NONE", "none");
        },
      },
    },
  );
  t.like((await client.call("Answer", EMPTY)).end, {
    "grpc-status": "8",
    "perdure-error-code": "METADATA_TOO_LARGE",
  });
  const { headers, end } = await client.call("Fail", EMPTY);
  t.is(end["grpc-status"], "5");
  t.is(headers["x-long"] ?? end["x-long"], undefined);
});

// Time and cancellation

test("when the caller's time is over it gets DEADLINE_EXCEEDED, the method is cancelled, its answer dropped", async (t) => {
  const clock = new ManualClock(500);
  const seen = Promise.withResolvers<ServerCall>();
  const late = Promise.withResolvers<Uint8Array>();
  const client = await start(
    t,
    { clock },
    {
      Slow: {
        kind: "unary",
        handle: (_request, call) => {
          seen.resolve(call);
          return late.promise;
        },
      },
    },
  );
  const result = client.call("Slow", EMPTY, { "grpc-timeout": "2S" });
  const call = await seen.promise;
  t.is(call.deadlineMs, 2_500);
  let cancelled = 0;
  call.onCancel(() => cancelled++);
  t.false(call.signal.aborted);
  clock.advance(2_000);
  t.like((await result).end, { "grpc-status": "4", "perdure-error-code": "DEADLINE_EXCEEDED" });
  t.true(call.cancelled);
  t.true(call.signal.aborted);
  t.is(cancelled, 1);
  late.resolve(new Uint8Array(1));
  call.onCancel(() => cancelled++);
  t.is(cancelled, 2);
  t.is((await client.call("Echo", EMPTY)).end["grpc-status"], "0");
});

test("a method whose caller resets its stream is cancelled, and its place is free", async (t) => {
  const calls: ServerCall[] = [];
  const begun = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const client = await start(
    t,
    { maxOpenCalls: 1 },
    {
      Hold: {
        kind: "unary",
        handle: (_request, call) =>
          new Promise(() => {
            calls.push(call);
            begun.resolve();
            call.onCancel(() => {
              throw new Error("a listener that fails harms nobody");
            });
            call.onCancel(gone.resolve);
          }),
      },
    },
  );
  const stream = client.begin("Hold");
  stream.on("error", () => undefined);
  stream.end(EMPTY);
  await begun.promise;
  t.like((await client.call("Echo", EMPTY)).end, {
    "grpc-status": "8",
    "perdure-error-code": "TOO_MANY_CALLS",
  });
  stream.close(constants.NGHTTP2_CANCEL);
  await gone.promise;
  t.true(calls[0]?.cancelled);
  t.is((await client.call("Echo", EMPTY)).end["grpc-status"], "0");
});

// What a method sees and sends

test("a method sees all values of its caller's metadata", async (t) => {
  let seen = new Metadata();
  const client = await start(
    t,
    {},
    {
      Look: {
        kind: "unary",
        handle: async (request, call) => {
          seen = call.metadata;
          t.is(call.path, "/interop.Peer/Look");
          t.is(call.deadlineMs, undefined);
          return request;
        },
      },
    },
  );
  await client.call("Look", EMPTY, { "x-a": ["1", "2, 3"], traceparent: "00-1" });
  t.deepEqual(
    [...seen],
    [
      ["x-a", "1"],
      ["x-a", "2, 3"],
      ["traceparent", "00-1"],
    ],
  );
});

test("long answers are packed for callers who pack, and only for them", async (t) => {
  const client = await start(t, { compressAboveBytes: 1_000 });
  const text = "pack me ".repeat(500);
  const packed = await client.call("Echo", frame(gzipSync(text), true), { "grpc-encoding": "gzip" });
  t.is(packed.headers["grpc-encoding"], "gzip");
  t.is(packed.body[0], 1);
  t.is(gunzipSync(packed.body.subarray(5)).toString(), text);
  const short = await client.call("Echo", frame("short"), { "grpc-encoding": "gzip" });
  t.deepEqual([short.headers["grpc-encoding"], short.body[0]], [undefined, 0]);
  const plain = await client.call("Echo", frame(text));
  t.deepEqual([plain.headers["grpc-encoding"], plain.body[0]], [undefined, 0]);
});

// Streams

function bidi(handle: (call: ServerStreamCall) => void): MethodHandler {
  return { kind: "bidi", handle };
}

test("a stream ends with what its method says, before or after its first message", async (t) => {
  const client = await start(
    t,
    {},
    {
      Nothing: bidi((call) => call.end()),
      Trailed: bidi((call) => {
        call.trailers.set("x-t", "1");
        call.send(Buffer.from("a"));
        call.end();
        t.false(call.send(Buffer.from("b")));
      }),
      FailFirst: bidi((call) => call.fail(new StatusError(Status.NOT_FOUND, "NONE", "none"))),
      FailLater: bidi((call) => {
        call.send(Buffer.from("a"));
        call.fail(new StatusError(Status.DATA_LOSS, "GONE", "gone"));
      }),
      Throws: bidi(() => {
        throw new StatusError(Status.ABORTED, "RACE", "race");
      }),
      ThrowsLater: bidi((call) =>
        call.receive({
          onMessage: () => {
            throw new Error("mine");
          },
          onHalfClose: () => undefined,
        }),
      ),
    },
  );
  const ends: unknown[] = [];
  for (const name of ["Nothing", "Trailed", "FailFirst", "FailLater", "Throws", "ThrowsLater"]) {
    const { end, body } = await client.call(name, EMPTY);
    ends.push([end["grpc-status"], end["perdure-error-code"], end["x-t"], body.length]);
  }
  t.deepEqual(ends, [
    ["0", undefined, undefined, 0],
    ["0", undefined, "1", 6],
    ["5", "NONE", undefined, 0],
    ["15", "GONE", undefined, 6],
    ["10", "RACE", undefined, 0],
    ["13", "HANDLER_FAILED", undefined, 0],
  ]);
});

test("a stream that its server ends closes, although its caller has not", async (t) => {
  const client = await start(
    t,
    {},
    {
      Once: bidi((call) =>
        call.receive({
          onMessage: (bytes) => {
            call.send(bytes);
            call.end();
          },
          onHalfClose: () => undefined,
        }),
      ),
    },
  );
  const stream = client.begin("Once");
  const result = answerOf(stream);
  stream.write(frame("one"));
  const { end, body } = await result;
  t.is(end["grpc-status"], "0");
  t.deepEqual(body, frame("one"));
});

test("a stream whose caller goes away is cancelled", async (t) => {
  const begun = Promise.withResolvers<ServerStreamCall>();
  const client = await start(
    t,
    {},
    {
      Hold: bidi((call) => {
        call.receive({ onMessage: () => begun.resolve(call), onHalfClose: () => undefined });
      }),
    },
  );
  client
    .begin("Hold")
    .on("error", () => undefined)
    .write(EMPTY);
  const call = await begun.promise;
  const gone = new Promise<void>((resolve) => call.onCancel(resolve));
  client.session.destroy();
  await gone;
  t.true(call.cancelled);
  t.false(call.send(new Uint8Array(1)));
  call.end();
  await call.drained();
});

test("a paused stream holds its caller by flow control", async (t) => {
  const received: number[] = [];
  const begun = Promise.withResolvers<ServerStreamCall>();
  const client = await start(
    t,
    {},
    {
      Sip: bidi((call) => {
        call.receive({
          onMessage(bytes) {
            received.push(bytes.length);
            if (received.length === 1) {
              call.pause();
              begun.resolve(call);
            }
          },
          onHalfClose: () => call.end(),
        });
      }),
    },
  );
  const stream = client.begin("Sip");
  const result = answerOf(stream);
  for (let i = 0; i < 40; i++) stream.write(frame(Buffer.alloc(100_000)));
  stream.end();
  const call = await begun.promise;
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  t.is(received.length, 1);
  t.true(stream.writableLength > 1_000_000);
  call.resume();
  t.is((await result).end["grpc-status"], "0");
  t.is(received.length, 40);
});
