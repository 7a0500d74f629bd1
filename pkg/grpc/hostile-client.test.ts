// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import type { Readable } from "node:stream";

import type { ExecutionContext } from "ava";
import test from "ava";
import fc from "fast-check";

import { systemClock } from "../base/mod.ts";

import { resetSocket } from "../../test/lib/reset-socket.ts";
import { until } from "../../test/lib/until.ts";
import { REQUEST_BYTES } from "./caller.ts";
import { connect } from "./connect.ts";
import { encodePrefix } from "./framing.ts";
import type { MethodHandler, ServerStreamCall } from "./server-call.ts";
import type { TestServer } from "./test-peers/interop-peer.ts";
import { startTestServer } from "./test-peers/interop-peer.ts";

// These clients write HTTP/2 frames themselves, and violate the protocol. Whatever they send, the server continues to
// serve other clients (I12).

const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  CONTINUATION: 9,
} as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function h2(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/**
 * Encodes header fields as literals without indexing (RFC 7541, 6.2.2). Names and values must be shorter than 127
 * bytes.
 */
function fields(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    );
  }
  return Buffer.concat(parts);
}

function request(method: string): Buffer {
  return fields({
    ":method": "POST",
    ":scheme": "http",
    ":path": `/interop.Peer/${method}`,
    ":authority": "x",
    "content-type": "application/grpc",
    te: "trailers",
  });
}

async function open(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  t.teardown(() => socket.destroy());
  await once(socket, "connect");
  socket.write(Buffer.concat([PREFACE, h2(FRAME.SETTINGS, 0, 0)]));
  return socket;
}

async function start(
  t: ExecutionContext,
  methods: Readonly<Record<string, MethodHandler>> = {},
  maxSmallPieces?: number,
): Promise<TestServer> {
  const pieces = maxSmallPieces === undefined ? {} : { maxSmallPieces };
  const server = await startTestServer({ maxOpenCalls: 2_000, ...pieces }, {}, methods);
  t.teardown(() => server.close());
  return server;
}

/** Checks that another client is still served. */
async function serves(t: ExecutionContext, { port }: TestServer): Promise<void> {
  const connection = await connect({ host: "127.0.0.1", port, clock: systemClock });
  const { message } = await connection.unary("/interop.Peer/Echo", Buffer.from("still here"));
  t.is(Buffer.from(message).toString(), "still here");
  await connection.close();
}

function isClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : void socket.on("close", () => resolve())));
}

test("a client that drops in the middle of a frame, a prefix or a message harms nobody", async (t) => {
  const server = await start(t);
  const begun = h2(FRAME.HEADERS, END_HEADERS, 1, request("Echo"));
  const halves = [
    begun.subarray(0, 5),
    begun.subarray(0, 30),
    begun,
    Buffer.concat([begun, h2(FRAME.DATA, 0, 1, Buffer.from([0, 0, 0]))]),
    Buffer.concat([begun, h2(FRAME.DATA, 0, 1, encodePrefix(1_000, false))]),
    Buffer.concat([begun, h2(FRAME.DATA, 0, 1, Buffer.alloc(500)).subarray(0, 100)]),
  ];
  for (const half of halves) {
    const socket = await open(t, server.port);
    await new Promise((resolve) => socket.write(half, resolve));
    resetSocket(socket);
  }
  await serves(t, server);
});

test("a method is not called when its caller resets the stream before the request has ended", async (t) => {
  const called: string[] = [];
  const second = Promise.withResolvers<void>();
  const watched: MethodHandler = {
    kind: "unary",
    handle: async (bytes) => {
      called.push(Buffer.from(bytes).toString());
      if (called.includes("two")) second.resolve();
      return bytes;
    },
  };
  const server = await start(t, { Watched: watched });
  const socket = await open(t, server.port);
  const cancel = Buffer.from([0, 0, 0, 8]);
  const message = (text: string): Buffer =>
    Buffer.concat([encodePrefix(text.length, false), Buffer.from(text)]);
  socket.write(
    Buffer.concat([
      h2(FRAME.HEADERS, END_HEADERS, 1, request("Watched")),
      h2(FRAME.DATA, 0, 1, message("one")),
      h2(FRAME.RST_STREAM, 0, 1, cancel),
      h2(FRAME.HEADERS, END_HEADERS, 3, request("Watched")),
      h2(FRAME.DATA, END_STREAM, 3, message("two")),
    ]),
  );
  await second.promise;
  t.deepEqual(called, ["two"]);
});

test("a flood of streams that are reset at once ends the flooding connection only", async (t) => {
  const server = await start(t);
  const socket = await open(t, server.port);
  const closed = isClosed(socket);
  const flood: Buffer[] = [];
  for (let id = 1; id < 10_000; id += 2) {
    flood.push(
      h2(FRAME.HEADERS, END_HEADERS, id, request("Never")),
      h2(FRAME.RST_STREAM, 0, id, Buffer.alloc(4)),
    );
  }
  socket.write(Buffer.concat(flood));
  await closed;
  await serves(t, server);
});

test("floods of pings, settings and header continuations end the flooding connection only", async (t) => {
  const server = await start(t);
  const repeated = (one: Buffer, times: number): Buffer =>
    Buffer.concat(Array.from({ length: times }, () => one));
  const continuation = h2(FRAME.CONTINUATION, 0, 1, fields({ "x-a": "v".repeat(100) }));
  const floods = {
    ping: repeated(h2(FRAME.PING, 0, 0, Buffer.alloc(8)), 20_000),
    settings: repeated(h2(FRAME.SETTINGS, 0, 0), 20_000),
    continuation: Buffer.concat([h2(FRAME.HEADERS, 0, 1, request("Echo")), repeated(continuation, 20_000)]),
  };
  for (const [name, flood] of Object.entries(floods)) {
    const socket = await open(t, server.port);
    const closed = isClosed(socket);
    // The client does not read, so the answers to the flood wait at the server.
    socket.pause();
    socket.write(flood);
    await serves(t, server);
    socket.resume();
    if (name === "continuation") await closed;
  }
  await serves(t, server);
});

test("a header list over the bound is refused", async (t) => {
  const server = await start(t);
  const socket = await open(t, server.port);
  const many = Buffer.concat([
    request("Echo"),
    ...Array.from({ length: 120 }, () => fields({ "x-a": "v".repeat(120) })),
    ...Array.from({ length: 120 }, () => fields({ "x-b": "v".repeat(120) })),
  ]);
  for (let id = 1; id < 3_000; id += 2) {
    socket.write(h2(FRAME.HEADERS, END_HEADERS, id, many.subarray(0, 16_000)));
    if (socket.closed) break;
  }
  await serves(t, server);
});

test("frames that nobody may send, and a GOAWAY in the middle of a call, harm nobody", async (t) => {
  const server = await start(t);
  const wrong = [
    h2(FRAME.DATA, 0, 5, Buffer.from("for a stream that is not there")),
    h2(FRAME.HEADERS, END_HEADERS, 2, request("Echo")),
    h2(FRAME.HEADERS, END_HEADERS, 1, Buffer.from([0x80])),
    h2(FRAME.RST_STREAM, 0, 0, Buffer.alloc(3)),
    h2(0xfe, 0xff, 1, Buffer.from("unknown")),
    Buffer.concat([
      h2(FRAME.HEADERS, END_HEADERS, 1, request("Never")),
      h2(FRAME.DATA, END_STREAM, 1, encodePrefix(0, false)),
      h2(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)),
    ]),
  ];
  for (const frames of wrong) (await open(t, server.port)).write(frames);
  await serves(t, server);
});

test("garbage harms nobody, on the connection or in a call", async (t) => {
  const server = await start(t);
  for (const garbage of fc.sample(fc.uint8Array({ minLength: 1, maxLength: 400 }), {
    numRuns: 40,
    seed: 3,
  })) {
    const raw = await open(t, server.port);
    raw.end(garbage);
    const framed = await open(t, server.port);
    const begun = h2(FRAME.HEADERS, END_HEADERS, 1, request(garbage.length % 2 === 0 ? "Echo" : "Pipe"));
    framed.end(Buffer.concat([begun, h2(FRAME.DATA, END_STREAM, 1, Buffer.from(garbage))]));
  }
  await serves(t, server);
});

/** A window in frames of one byte, which are messages without bytes: each is five zeros. */
const EMPTY_MESSAGES = 13_000;
const SMALL_FRAMES = Buffer.alloc(10 * 5 * EMPTY_MESSAGES, h2(FRAME.DATA, 0, 1, Buffer.alloc(1)));

/** What waits in Node's own buffer of the call's stream, where each frame is an object. */
function inNode(call: ServerStreamCall): number {
  return (call as unknown as { readonly stream: Readable }).stream.readableLength;
}

for (const [state, begin, resume] of [
  [
    "paused",
    (call: ServerStreamCall, receive: () => void) => {
      receive();
      call.pause();
    },
    (call: ServerStreamCall) => call.resume(),
  ],
  ["not read yet", () => undefined, (_call: ServerStreamCall, receive: () => void) => receive()],
] as const)
  test(`a stream that is ${state} keeps frames of one byte in one piece, and counts them`, async (t) => {
    let received = 0;
    const begun = Promise.withResolvers<readonly [ServerStreamCall, () => void]>();
    const sip: MethodHandler = {
      kind: "bidi",
      handle(call) {
        const receive = (): void =>
          call.receive({ onMessage: () => void received++, onHalfClose: () => call.end() });
        begin(call, receive);
        begun.resolve([call, receive]);
      },
    };
    const server = await start(t, { Sip: sip }, 1e6);
    const socket = await open(t, server.port);
    socket.write(h2(FRAME.HEADERS, END_HEADERS, 1, request("Sip")));
    const [call, receive] = await begun.promise;
    const before = call.bytes.held;
    socket.write(SMALL_FRAMES);
    await until("all have arrived", () => inNode(call) + call.bytes.held - before >= 5 * EMPTY_MESSAGES);
    t.is(inNode(call), 0);
    t.is(call.bytes.held - before, 65_536);
    t.is(received, 0);

    resume(call, receive);
    await until("all were received", () => received === EMPTY_MESSAGES);
    await until("nothing but the request is counted", () => call.bytes.held === REQUEST_BYTES);
    socket.write(SMALL_FRAMES);
    await until("the window was given back", () => received === 2 * EMPTY_MESSAGES);
    socket.write(h2(FRAME.DATA, END_STREAM, 1));
    await until("the call has ended", () => call.bytes.held === 0);
    await serves(t, server);
  });

/** Reads the frames that a server sends. */
function framesOf(socket: Socket): () => { readonly type: number; readonly payload: Buffer }[] {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => {
    const frames = [];
    let rest = Buffer.concat(chunks);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      frames.push({ type: rest[3] ?? 0, payload: rest.subarray(9, end) });
      rest = rest.subarray(end);
    }
    return frames;
  };
}

const ENHANCE_YOUR_CALM = 11;
/** The whole beginning of a message that never ends. */
const BEGINNING = h2(FRAME.DATA, 0, 1, encodePrefix(1_000_000, false));

for (const [method, about] of [
  ["Echo", "a request"],
  ["Pipe", "a stream"],
  ["Paused", "a stream that is paused"],
  ["Unread", "a stream that is not read yet"],
  ["Nowhere", "a call of no method"],
] as const)
  test(`a flood of frames of one byte on ${about} ends the flooding connection, which is told why`, async (t) => {
    const paused: MethodHandler = {
      kind: "bidi",
      handle(call) {
        call.receive({ onMessage: () => undefined, onHalfClose: () => undefined });
        call.pause();
      },
    };
    const unread: MethodHandler = { kind: "bidi", handle: () => undefined };
    const server = await start(t, { Paused: paused, Unread: unread });
    const socket = await open(t, server.port);
    const frames = framesOf(socket);
    const closed = isClosed(socket);
    socket.write(h2(FRAME.HEADERS, END_HEADERS, 1, request(method)));
    socket.write(Buffer.concat([BEGINNING, SMALL_FRAMES]));
    if (method === "Nowhere") {
      await until("the call is answered", () => frames().some(({ type }) => type === FRAME.HEADERS));
    } else {
      await closed;
      const goAway = frames().find(({ type }) => type === FRAME.GOAWAY);
      t.is(goAway?.payload.readUInt32BE(4), ENHANCE_YOUR_CALM);
    }
    await serves(t, server);
  });

for (const isPaused of [false, true])
  test(`small messages, one in a frame or two, are no flood${isPaused ? ", while the stream is paused" : ""}`, async (t) => {
    const messages = 4_000;
    let received = 0;
    const begun = Promise.withResolvers<ServerStreamCall>();
    const sip: MethodHandler = {
      kind: "bidi",
      handle(call) {
        call.receive({ onMessage: () => void received++, onHalfClose: () => call.end() });
        if (isPaused) call.pause();
        begun.resolve(call);
      },
    };
    const server = await start(t, { Sip: sip }, 100);
    const socket = await open(t, server.port);
    const frames = framesOf(socket);
    socket.write(h2(FRAME.HEADERS, END_HEADERS, 1, request("Sip")));
    const call = await begun.promise;
    const before = call.bytes.held;
    const prefix = encodePrefix(10, false);
    const body = Buffer.alloc(10);
    const whole = h2(FRAME.DATA, 0, 1, Buffer.concat([prefix, body]));
    const halves = Buffer.concat([h2(FRAME.DATA, 0, 1, prefix), h2(FRAME.DATA, 0, 1, body)]);
    // The last frame ends within a message, and the next begins there.
    const all = Array.from({ length: messages }, (_, index) => (index % 2 === 0 ? whole : halves));
    socket.write(Buffer.concat(all));
    if (isPaused) {
      await until("all have arrived", () => call.bytes.held - before >= messages * 15);
      call.resume();
    }
    await until("all were received", () => received === messages);
    socket.write(h2(FRAME.DATA, END_STREAM, 1));
    await until("the call has ended", () => call.bytes.held === 0);
    t.false(frames().some(({ type }) => type === FRAME.GOAWAY));
  });
