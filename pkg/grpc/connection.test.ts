// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { connect as connectHttp2, constants, createServer } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";

import type { ExecutionContext } from "ava";
import test from "ava";

import { freePort, systemClock, systemRandom } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";

import { until } from "../../test/lib/until.ts";
import type { CallError } from "./call-end.ts";
import type { ConnectOptions } from "./client-options.ts";
import { resolveConnectOptions } from "./client-options.ts";
import { connect } from "./connect.ts";
import { Connection } from "./connection.ts";
import { encodePrefix } from "./framing.ts";
import { Status } from "./status.ts";
import { collect, startTestServer } from "./test-peers/interop-peer.ts";

const GRPC = { ":status": 200, "content-type": "application/grpc" };
const OK = { "grpc-status": "0" };

function frame(text: string, compressed = false): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([encodePrefix(bytes.length, compressed), bytes]);
}

/** Starts a real HTTP/2 server that answers each stream with `onStream`, and connects to it. */
async function peer(
  t: ExecutionContext,
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
  options: Partial<ConnectOptions> = {},
  settings = {},
): Promise<{ connection: Connection; session: ServerHttp2Session; drop: () => void }> {
  const server = createServer({ settings });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    onStream(stream, headers);
  });
  const sessions: ServerHttp2Session[] = [];
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  server.on("session", (session) => {
    session.on("error", () => undefined);
    sessions.push(session);
  });
  const port = await listen(server);
  const connection = await connect({ host: "127.0.0.1", port, clock: systemClock, ...options });
  t.teardown(() => {
    connection.destroy();
    for (const session of sessions) session.destroy();
    server.close();
  });
  const drop = (): void => sockets.forEach((socket) => socket.destroy());
  return { connection, session: sessions[0] as ServerHttp2Session, drop };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Sends the bytes as the body of the response, then the trailers. */
function answer(stream: ServerHttp2Stream, bytes: Buffer, trailers: Record<string, string> = OK): void {
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(bytes);
}

async function tcpServer(t: ExecutionContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  const port = await listen(server);
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

const EMPTY = new Uint8Array(0);

// Connecting

test("a peer that is not there is UNAVAILABLE", async (t) => {
  const port = await freePort("127.0.0.1", systemRandom);
  const error = await t.throwsAsync(connect({ host: "127.0.0.1", port, clock: systemClock }));
  t.like(error, { status: Status.UNAVAILABLE, code: "CONNECT_REFUSED" });
  await t.throwsAsync(connect({ host: "no host", port, clock: systemClock }), { code: "CONNECT_FAILED" });
});

test("a peer that says nothing is given up after the time for connecting", async (t) => {
  const clock = new ManualClock();
  const port = await tcpServer(t, () => clock.advance(700));
  const error = await t.throwsAsync(connect({ host: "127.0.0.1", port, clock, connectTimeoutMs: 700 }));
  t.like(error, { status: Status.UNAVAILABLE, code: "CONNECT_TIMEOUT" });
});

test("a peer that speaks something else, or hangs up, is UNAVAILABLE", async (t) => {
  const http1 = await tcpServer(t, (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const ofNode = createHttpServer();
  for (const port of [http1, await listen(ofNode)]) {
    await t.throwsAsync(connect({ host: "127.0.0.1", port, clock: systemClock }), { code: "WRONG_PROTOCOL" });
  }
  ofNode.close();
  const mute = await tcpServer(t, (socket) => socket.end());
  await t.throwsAsync(connect({ host: "127.0.0.1", port: mute, clock: systemClock }), {
    code: "CONNECT_FAILED",
  });
});

// Answers that are wrong

const WRONG_ANSWERS: Readonly<
  Record<string, { answer: (stream: ServerHttp2Stream) => void; status: Status; code: string }>
> = {
  "a web page": {
    answer: (stream) => {
      stream.respond({ ":status": 200, "content-type": "text/html" });
      stream.end("<html>");
    },
    status: Status.UNKNOWN,
    code: "BAD_RESPONSE",
  },
  "HTTP 404": {
    answer: (stream) => stream.respond({ ":status": 404 }, { endStream: true }),
    status: Status.UNIMPLEMENTED,
    code: "BAD_RESPONSE",
  },
  "HTTP 503": {
    answer: (stream) => stream.respond({ ":status": 503 }, { endStream: true }),
    status: Status.UNAVAILABLE,
    code: "BAD_RESPONSE",
  },
  "no status": {
    answer: (stream) => {
      stream.respond(GRPC);
      stream.end(frame("hello"));
    },
    status: Status.INTERNAL,
    code: "NO_STATUS",
  },
  "trailers without a status": {
    answer: (stream) => answer(stream, frame("hello"), { "x-other": "1" }),
    status: Status.INTERNAL,
    code: "NO_STATUS",
  },
  "half a message": {
    answer: (stream) => answer(stream, frame("hello").subarray(0, 7)),
    status: Status.INTERNAL,
    code: "BAD_FRAME",
  },
  "a message that claims to be huge": {
    answer: (stream) => {
      stream.respond(GRPC);
      stream.write(encodePrefix(0xffff_ffff, false));
    },
    status: Status.RESOURCE_EXHAUSTED,
    code: "MESSAGE_TOO_LARGE",
  },
  garbage: {
    answer: (stream) => answer(stream, Buffer.from("garbage")),
    status: Status.INTERNAL,
    code: "BAD_FRAME",
  },
  "a packed message without a named packing": {
    answer: (stream) => answer(stream, frame("hello", true)),
    status: Status.INTERNAL,
    code: "BAD_COMPRESSION",
  },
  "a packing that is not known": {
    answer: (stream) => stream.respond({ ...GRPC, "grpc-encoding": "brotli" }),
    status: Status.INTERNAL,
    code: "UNKNOWN_ENCODING",
  },
  "two messages": {
    answer: (stream) => answer(stream, Buffer.concat([frame("one"), frame("two")])),
    status: Status.UNIMPLEMENTED,
    code: "MESSAGE_COUNT",
  },
  "no message": {
    answer: (stream) => answer(stream, Buffer.alloc(0)),
    status: Status.UNIMPLEMENTED,
    code: "MESSAGE_COUNT",
  },
  "a status that does not exist": {
    answer: (stream) => answer(stream, Buffer.alloc(0), { "grpc-status": "77" }),
    status: Status.UNKNOWN,
    code: "UNKNOWN",
  },
  "a refused stream": {
    answer: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
    status: Status.UNAVAILABLE,
    code: "STREAM_RESET",
  },
  "a cancelled stream": {
    answer: (stream) => stream.close(constants.NGHTTP2_CANCEL),
    status: Status.CANCELLED,
    code: "STREAM_RESET",
  },
  "a reset in the middle of a message": {
    answer: (stream) => {
      // Without waiting for trailers Node would end the stream properly before it resets it.
      stream.respond(GRPC, { waitForTrailers: true });
      stream.write(frame("hello").subarray(0, 7), () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM));
    },
    status: Status.RESOURCE_EXHAUSTED,
    code: "STREAM_RESET",
  },
};

for (const [name, wrong] of Object.entries(WRONG_ANSWERS)) {
  test(`an answer with ${name} is an error, and the connection goes on`, async (t) => {
    let calls = 0;
    const { connection } = await peer(t, (stream) => {
      if (calls++ === 0) wrong.answer(stream);
      else answer(stream, frame("fine"));
    });
    const error = await t.throwsAsync(connection.unary("/a/B", EMPTY));
    t.like(error, { status: wrong.status, code: wrong.code });
    t.is(Buffer.from((await connection.unary("/a/B", EMPTY)).message).toString(), "fine");
  });
}

// The end of a connection

test("a connection that drops in the middle of a message ends its calls once, then itself once", async (t) => {
  const { connection, drop } = await peer(t, (stream) => {
    stream.respond(GRPC);
    stream.write(frame("hello").subarray(0, 7));
  });
  const events: string[] = [];
  const calls = Array.from({ length: 100 }, (_, i) =>
    connection.open(`/a/B${i}`, {
      onMessage: () => events.push("message"),
      onEnd: (end) => events.push(`${end.status} ${end.code}`),
    }),
  );
  connection.onClose((reason) => events.push(reason.code));
  const arrived = connection.unary("/a/Last", EMPTY, { timeoutMs: 50 });
  await t.throwsAsync(arrived, { code: "DEADLINE_EXCEEDED" });
  const closed = new Promise<void>((resolve) => connection.onClose(() => resolve()));
  drop();
  await closed;
  t.deepEqual(events, [...calls.map(() => "14 CONNECTION_LOST"), "CONNECTION_LOST"]);
  t.is(connection.openStreams, 0);
  t.false(connection.usable);

  const late = new Promise((resolve) => connection.onClose(resolve));
  t.like(await late, { code: "CONNECTION_LOST" });
  await t.throwsAsync(connection.unary("/a/B", EMPTY), { code: "CONNECTION_CLOSED" });
});

test("after GOAWAY running calls finish and no other begins", async (t) => {
  const { connection, session } = await peer(t, (stream) => {
    session.close();
    // Sends the answer after the GOAWAY frame.
    setImmediate(() => answer(stream, frame("finished")));
  });
  const closed = new Promise<void>((resolve) => connection.onClose(() => resolve()));
  const { message } = await connection.unary("/a/B", EMPTY);
  t.is(Buffer.from(message).toString(), "finished");
  const collected = collect();
  connection.open("/a/B", collected);
  t.like(await collected.ended, { status: Status.UNAVAILABLE, code: "CONNECTION_CLOSED" });
  await closed;
});

test("after GOAWAY a stream without an end does not hold the connection for ever", async (t) => {
  const clock = new ManualClock();
  const { connection, session } = await peer(t, () => session.goaway(), { clock, closeTimeoutMs: 1_000 });
  const collected = collect();
  connection.open("/a/B", collected);
  const closed = new Promise<void>((resolve) => connection.onClose(() => resolve()));
  while (connection.usable) await new Promise(setImmediate);
  clock.advance(1_000);
  t.like(await collected.ended, { status: Status.UNAVAILABLE, code: "CONNECTION_LOST" });
  await closed;
});

test("a GOAWAY with an error ends running calls as UNAVAILABLE", async (t) => {
  const { connection, session } = await peer(t, () => session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM));
  t.like(await t.throwsAsync(connection.unary("/a/B", EMPTY)), {
    status: Status.UNAVAILABLE,
    code: "CONNECTION_LOST",
  });
});

test("close waits for running calls, but not for ever", async (t) => {
  const clock = new ManualClock();
  const streams: ServerHttp2Stream[] = [];
  const arrived = Promise.withResolvers<void>();
  const onStream = (stream: ServerHttp2Stream): void => {
    streams.push(stream);
    if (streams.length === 2) arrived.resolve();
  };
  const { connection } = await peer(t, onStream, { clock, closeTimeoutMs: 1_000 });
  const one = connection.unary("/a/B", EMPTY);
  const two = connection.unary("/a/B", EMPTY);
  await arrived.promise;
  const closed = connection.close();
  answer(streams[0] as ServerHttp2Stream, frame("in time"));
  t.is(Buffer.from((await one).message).toString(), "in time");
  clock.advance(1_000);
  await t.throwsAsync(two, { code: "CONNECTION_CLOSED" });
  await closed;
});

test("a connection that has used up its stream numbers takes no further calls", async (t) => {
  const server = await startTestServer();
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await once(session, "remoteSettings");
  // Node has this, its types do not.
  (session as unknown as { setNextStreamID(id: number): void }).setNextStreamID(2 ** 31 - 1);
  const options = resolveConnectOptions({ host: "127.0.0.1", port: server.port, clock: systemClock });
  const connection = new Connection(session, "test", options);
  const closed = new Promise<void>((resolve) => connection.onClose(() => resolve()));
  await connection.unary("/interop.Peer/Echo", EMPTY);
  await t.throwsAsync(connection.unary("/interop.Peer/Echo", EMPTY), {
    code: "CONNECTION_CLOSED",
  });
  await closed;
  await server.close();
});

// Limits

test("no more streams are opened than the peer allows, and a place that is free is used again", async (t) => {
  const { connection } = await peer(
    t,
    (stream) => answer(stream, frame("x")),
    {},
    { maxConcurrentStreams: 2 },
  );
  t.is(connection.maxStreams, 2);
  const calls = [connection.unary("/a/B", EMPTY), connection.unary("/a/B", EMPTY)];
  t.is(connection.openStreams, 2);
  await t.throwsAsync(connection.unary("/a/B", EMPTY), { code: "STREAM_LIMIT" });
  await Promise.all(calls);
  while (connection.openStreams > 0) await new Promise(setImmediate);
  await t.notThrowsAsync(connection.unary("/a/B", EMPTY));
});

test("who waits for a stream is told when the peer begins to allow more, and not when it allows fewer", async (t) => {
  const { connection, session } = await peer(t, () => undefined, {}, { maxConcurrentStreams: 2 });
  const bounds: number[] = [];
  connection.onRoom(() => bounds.push(connection.maxStreams));
  session.settings({ maxConcurrentStreams: 0 });
  session.settings({ maxConcurrentStreams: 5 });
  await until("the settings have come", () => connection.maxStreams === 5);
  t.deepEqual(bounds, [5]);
});

test("a connection that has ended offers no more streams than before, while its streams close", async (t) => {
  const { connection } = await peer(t, () => undefined, {}, { maxConcurrentStreams: 2 });
  const bounds: number[] = [];
  connection.onRoom(() => bounds.push(connection.maxStreams));
  const calls = [connection.unary("/a/B", EMPTY), connection.unary("/a/B", EMPTY)];
  connection.destroy();
  await Promise.allSettled(calls);
  await connection.close();
  t.deepEqual([...bounds, connection.maxStreams], [2, 2, 2]);
});

test("a stream whose peer does not read is held at its bound (I11)", async (t) => {
  const { connection } = await peer(t, (stream) => stream.pause(), { maxSendBufferBytes: 400_000 });
  const collected = collect();
  const stream = connection.open("/a/B", collected);
  let sent = 0;
  while (stream.send(Buffer.alloc(100_000))) sent++;
  t.true(sent < 4);
  for (let i = 0; i < 20; i++) stream.send(Buffer.alloc(100_000));
  t.like(await collected.ended, { status: Status.RESOURCE_EXHAUSTED, code: "SEND_BUFFER_FULL" });
  t.false(stream.send(Buffer.alloc(1)));
});

test("a sender that is ahead is told when the peer has taken its messages", async (t) => {
  const { connection } = await peer(t, (stream) => {
    stream.resume();
    stream.on("end", () => answer(stream, Buffer.alloc(0)));
  });
  const collected = collect();
  const stream = connection.open("/a/B", collected);
  for (let i = 0; i < 10; i++) if (!stream.send(Buffer.alloc(200_000))) await stream.drained();
  t.true(stream.bufferedBytes < 300_000);
  stream.end();
  t.is((await collected.ended).status, Status.OK);
  await stream.drained();
});

test("a paused stream gives nothing out, then everything in order", async (t) => {
  const { connection } = await peer(t, (stream) => {
    answer(stream, Buffer.concat(["one", "two", "three"].map((text) => frame(text))));
  });
  const messages: string[] = [];
  const first = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  const stream = connection.open("/a/B", {
    onMessage(bytes) {
      messages.push(Buffer.from(bytes).toString());
      if (messages.length === 1) {
        stream.pause();
        first.resolve();
      }
    },
    onEnd: (end) => ended.resolve(end.status),
  });
  stream.end();
  await first.promise;
  await new Promise(setImmediate);
  t.deepEqual(messages, ["one"]);
  stream.resume();
  t.is(await ended.promise, Status.OK);
  t.deepEqual(messages, ["one", "two", "three"]);
});

// Calls that the caller ends

test("a stream is cancelled at the peer, and its end is not heard within cancel", async (t) => {
  const reset = Promise.withResolvers<number>();
  const { connection } = await peer(t, (stream) => stream.on("close", () => reset.resolve(stream.rstCode)));
  const collected = collect();
  let ended = false;
  void collected.ended.then(() => (ended = true));
  const stream = connection.open("/a/B", collected);
  stream.cancel();
  t.false(ended);
  t.like(await collected.ended, { status: Status.CANCELLED, code: "CANCELLED" });
  stream.cancel();
  t.is(await reset.promise, constants.NGHTTP2_CANCEL);
});

test("a cancelled stream never looks to its peer as if all messages were there", async (t) => {
  const heard = Promise.withResolvers<void>();
  const abortedAtEnd = Promise.withResolvers<boolean>();
  const { connection } = await peer(t, (stream) => {
    stream.on("data", () => heard.resolve());
    stream.on("end", () => abortedAtEnd.resolve(stream.aborted));
  });
  const collected = collect();
  const stream = connection.open("/a/B", collected);
  stream.send(Buffer.from("one"));
  await heard.promise;
  stream.cancel();
  t.like(await collected.ended, { status: Status.CANCELLED, code: "CANCELLED" });
  t.true(await abortedAtEnd.promise);
});

test("a call without an answer ends when its time is over, and the peer knows the time", async (t) => {
  const clock = new ManualClock();
  const timeout = Promise.withResolvers<unknown>();
  const { connection } = await peer(t, (_stream, headers) => timeout.resolve(headers["grpc-timeout"]), {
    clock,
  });
  const call = connection.unary("/a/B", EMPTY, { timeoutMs: 250 });
  t.is(await timeout.promise, "250m");
  clock.advance(250);
  t.like(await t.throwsAsync(call), { status: Status.DEADLINE_EXCEEDED, code: "DEADLINE_EXCEEDED" });
  await t.throwsAsync(connection.unary("/a/B", EMPTY, { timeoutMs: 0 }), { code: "DEADLINE_EXCEEDED" });
  const signal = AbortSignal.abort();
  await t.throwsAsync(connection.unary("/a/B", EMPTY, { signal }), { code: "CANCELLED" });
});

test("a caller that cannot handle a message loses its call, nothing else (I12)", async (t) => {
  const { connection } = await peer(t, (stream) => answer(stream, frame("x")));
  const ended = new Promise((resolve) => {
    connection.open("/a/B", {
      onMessage() {
        throw new Error("mine");
      },
      onEnd: resolve,
    });
  });
  t.like(await ended, { status: Status.INTERNAL, code: "HANDLER_FAILED" });
  t.true(connection.usable);
});

test("the code of a StatusError comes back from our own server", async (t) => {
  const server = await startTestServer();
  const connection = await connect({ host: "127.0.0.1", port: server.port, clock: systemClock });
  await t.throwsAsync(connection.unary("/interop.Peer/Fail", EMPTY), { code: "NO_OIL" });
  await connection.close();
  await server.close();
});

// Peers that hang

const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** An HTTP/2 peer that sends its settings and nothing else, ever. */
function hangingPeer(t: ExecutionContext): Promise<number> {
  return tcpServer(t, (socket) => socket.write(EMPTY_SETTINGS));
}

/** An HTTP/2 peer that answers the first stream with the beginning of a header block, and sends nothing after it. */
function stuckPeer(t: ExecutionContext, onStuck: () => void): Promise<number> {
  return tcpServer(t, (socket) => {
    socket.write(EMPTY_SETTINGS);
    let received = Buffer.alloc(0);
    let isStuck = false;
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      // After the preface of 24 bytes come frames, each with its length in three bytes and its type in the fourth.
      for (let at = 24; at + 9 <= received.length && !isStuck; at += 9 + received.readUIntBE(at, 3)) {
        isStuck = received[at + 3] === 1;
        if (isStuck) socket.write(Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]), onStuck);
      }
    });
  });
}

test("a peer that hangs under a call is found out by a ping", async (t) => {
  const clock = new ManualClock();
  const port = await hangingPeer(t);
  const options = { clock, keepAliveIntervalMs: 1_000, keepAliveTimeoutMs: 500 };
  const connection = await connect({ host: "127.0.0.1", port, ...options });
  const call = connection.unary("/a/B", EMPTY);
  clock.advance(1_000);
  clock.advance(500);
  t.like(await t.throwsAsync(call), { status: Status.UNAVAILABLE, code: "KEEPALIVE_TIMEOUT" });
});

test("a peer that stops within a header block costs calls no more than their time, and is found out by a ping", async (t) => {
  const clock = new ManualClock();
  const stuck = Promise.withResolvers<void>();
  const port = await stuckPeer(t, stuck.resolve);
  const options = { clock, keepAliveIntervalMs: 1_000, keepAliveTimeoutMs: 500 };
  const connection = await connect({ host: "127.0.0.1", port, ...options });
  const held = collect();
  connection.open("/a/Held", held).send(EMPTY);
  await stuck.promise;
  for (let call = 0; call < 3; call++) {
    const timed = connection.unary("/a/B", EMPTY, { timeoutMs: 300 });
    await new Promise(setImmediate);
    clock.advance(300);
    t.like(await t.throwsAsync(timed), { status: Status.DEADLINE_EXCEEDED, code: "DEADLINE_EXCEEDED" });
    t.true(connection.usable);
  }
  clock.advance(100);
  clock.advance(500);
  t.like(await held.ended, { status: Status.UNAVAILABLE, code: "KEEPALIVE_TIMEOUT" });
});

test("a peer from whom nothing is expected is not pinged", async (t) => {
  const clock = new ManualClock();
  const port = await hangingPeer(t);
  const options = { clock, keepAliveIntervalMs: 1_000, keepAliveTimeoutMs: 500 };
  const connection = await connect({ host: "127.0.0.1", port, ...options });
  for (let i = 0; i < 10; i++) clock.advance(1_000);
  t.true(connection.usable);
  connection.destroy();
});

test("a peer that is only slow answers its ping and is left alone", async (t) => {
  const clock = new ManualClock();
  const { connection, session } = await peer(
    t,
    (stream) => setImmediate(() => answer(stream, frame("late"), OK)),
    { clock, keepAliveIntervalMs: 1_000, keepAliveTimeoutMs: 500 },
  );
  let pings = 0;
  session.on("ping", () => pings++);
  const held = collect();
  connection.open("/a/Held", held).send(EMPTY);
  clock.advance(1_000);
  await once(session, "ping");
  t.is((await held.ended).status, Status.OK);
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate);
    clock.advance(500);
  }
  t.true(connection.usable);
  t.is(pings, 1);
});

test("a status keeps its text, and metadata their value, whatever blanks a peer leaves at the edges", async (t) => {
  const { connection } = await peer(t, (stream) => {
    stream.respond(
      { ...GRPC, "grpc-status": "5", "grpc-message": "no more ", "x-why": " because " },
      { endStream: true },
    );
  });
  const error = await t.throwsAsync<CallError>(connection.unary("/a/b", Buffer.alloc(0)));
  t.like(error, { status: Status.NOT_FOUND, message: "no more " });
  t.is(error?.trailers.get("x-why"), "because");
});
