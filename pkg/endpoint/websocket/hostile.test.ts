// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { ExecutionContext } from "ava";
import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { Dispatch } from "../../router/mod.ts";

import { until } from "../../../test/lib/until.ts";
import type { Endpoint } from "../endpoint.ts";
import { DEFAULT_ENDPOINT_OPTIONS } from "../options.ts";
import { echo, echoStream, RawClient, runEndpoint } from "../testdata/running-endpoint.ts";
import { closeCode, handshakeBytes, rawFrame, rawWebSocket, Talker } from "../testdata/web-sockets.ts";

const TEXT = 0x81;
const BINARY = 0x82;
const PONG = 0x8a;
const MESSAGE = '{"text":"a"}';

/** Checks that the port still serves. */
async function serves(t: ExecutionContext, endpoint: Endpoint): Promise<void> {
  const talker = await new Talker(t, endpoint.port, "Chat").say(MESSAGE, "");
  t.deepEqual(await talker.closed, [1000, ""]);
  t.deepEqual(talker.frames, [MESSAGE]);
}

/** Takes only the first message, and ends when it is cancelled. `ended` resolves then. */
function deaf() {
  const ended = Promise.withResolvers<void>();
  const dispatch: Dispatch["streamed"] = async function* (command) {
    command.call.onCancel(() => ended.resolve());
    await command.input[Symbol.asyncIterator]().next();
    await ended.promise;
    yield* [];
  };
  return { dispatch, ended: ended.promise };
}

for (const [what, bytes, code] of [
  ["a frame that is not masked", Buffer.from([TEXT, 2, 0x7b, 0x7d]), 1002],
  ["a reserved bit", rawFrame(0xc1, MESSAGE), 1002],
  ["an unknown opcode", rawFrame(0x83, MESSAGE), 1002],
  ["a fragment of nothing", rawFrame(0x80, MESSAGE), 1002],
  ["a long ping", rawFrame(0x89, Buffer.alloc(126)), 1002],
  ["text that is not UTF-8", rawFrame(TEXT, Buffer.from([0xff, 0xfe])), 1007],
  ["a length over the bound", rawFrame(BINARY, "", 2_000), 1009],
  ["a length that no number can hold", rawFrame(BINARY, "", 2 ** 60), 1009],
  ["fragments that are too much together", Buffer.concat(fragments(20)), 1009],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1002],
] as const) {
  test(`${what} ends the WebSocket with ${code}, and the command (I12)`, async (t) => {
    const { dispatch, ended } = deaf();
    let served = dispatch;
    const endpoint = await runEndpoint(t, echo, { maxRequestBytes: 1_024 }, (command) => served(command));
    const client = await rawWebSocket(t, endpoint.port, "Chat");
    client.send(bytes);
    await ended;
    await client.until(String.fromCharCode(0x88));
    t.is(closeCode(client.received), code);
    served = echoStream;
    await serves(t, endpoint);
  });
}

function fragments(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => rawFrame(index === 0 ? 0x01 : 0x00, "x".repeat(100)));
}

for (const [what, name, bytes] of [
  ["in one frame", "Chat", rawFrame(TEXT, "x".repeat(300_000), 1_000_000)],
  ["with pongs in between", "Chat", Buffer.concat(slowly())],
] as const) {
  test(`messages that never come whole have a bound together (I11): ${what}`, async (t) => {
    const { dispatch, ended } = deaf();
    const endpoint = await runEndpoint(t, echo, { maxBufferedBytes: 400_000 }, dispatch);
    const client = await rawWebSocket(t, endpoint.port, name);
    client.send(bytes);
    await ended;
    t.regex(await client.closed, /"reason":"RECEIVE_BUFFER_FULL"/);
    t.is(closeCode(client.received), 4008);
  });
}

/** 300 kB of fragments without an end. */
function slowly(): Buffer[] {
  return [rawFrame(0x01, "x"), ...Array.from({ length: 300 }, () => fragmentAndPong()).flat()];
}

function fragmentAndPong(): Buffer[] {
  return [rawFrame(0x00, "x".repeat(1_000)), rawFrame(PONG, "y".repeat(100))];
}

const FIRST_FRAGMENT = rawFrame(0x01, " ");
const FRAGMENT = rawFrame(0x00, " ");
const PIECES = 2_000;

for (const [what, before, piece, each] of [
  ["one-byte fragments", FIRST_FRAGMENT, FRAGMENT, 100],
  ["empty fragments", rawFrame(0x01, ""), rawFrame(0x00, ""), 100],
  // Each pair of a message and a beginning would give back what the other fragments take.
  [
    "one-byte fragments after a message",
    Buffer.concat([rawFrame(TEXT, MESSAGE), FIRST_FRAGMENT]),
    FRAGMENT,
    100,
  ],
  // A fragment keeps the chunk that it came in, with the pongs.
  ["pongs among fragments", FIRST_FRAGMENT, Buffer.concat([FRAGMENT, rawFrame(PONG, "y".repeat(100))]), 200],
] as const) {
  test(`${what} count what they take in memory until their message is whole (I11)`, async (t) => {
    const endpoint = await runEndpoint(t, echo, { maxSmallPieces: 1e6 });
    const { bytes } = endpoint.accounts;
    const client = await rawWebSocket(t, endpoint.port, "Chat");
    const idle = bytes.used;
    client.send(Buffer.concat([before, ...Array.from({ length: PIECES }, () => piece)]));
    await until("all have come", () => bytes.used >= idle + PIECES * each);
    client.send(rawFrame(0x80, MESSAGE));
    await client.until(MESSAGE);
    await until("all is given back", () => bytes.used <= idle);
    client.socket.destroy();
    await until("nothing is taken", () => bytes.used === 0);
    t.is(bytes.used, 0);
  });
}

const PING = 0x89;

for (const [what, before, piece] of [
  ["fragments of one byte", FIRST_FRAGMENT, FRAGMENT],
  ["empty fragments", rawFrame(0x01, ""), rawFrame(0x00, "")],
  ["pings", Buffer.alloc(0), rawFrame(PING, "")],
  ["pings among fragments", FIRST_FRAGMENT, Buffer.concat([FRAGMENT, rawFrame(PING, "")])],
] as const) {
  test(`a flood of ${what} ends the WebSocket, whose caller is told why`, async (t) => {
    const endpoint = await runEndpoint(t);
    const client = await rawWebSocket(t, endpoint.port, "Chat");
    client.send(Buffer.concat([before, ...Array.from({ length: 5_000 }, () => piece)]));
    t.regex(await client.closed, /"reason":"TOO_MANY_PIECES"/);
    await until("nothing is taken", () => endpoint.accounts.bytes.used === 0);
    await serves(t, endpoint);
  });
}

test("small messages are no flood, nor are a few fragments", async (t) => {
  const endpoint = await runEndpoint(t, echo, { maxSmallPieces: 100 });
  const talker = new Talker(t, endpoint.port, "Chat");
  await talker.say(...Array.from({ length: 5_000 }, () => "{}"));
  t.is((await talker.heard(5_000)).length, 5_000);
  const client = await rawWebSocket(t, endpoint.port, "Chat");
  client.send(Buffer.concat([FIRST_FRAGMENT, ...Array.from({ length: 100 }, () => FRAGMENT)]));
  client.send(rawFrame(0x80, MESSAGE));
  t.true((await client.until(MESSAGE)).includes(MESSAGE));
});

test("a chunk of one byte counts what it takes in memory (I11)", async (t) => {
  const endpoint = await runEndpoint(t);
  const { bytes } = endpoint.accounts;
  const client = await rawWebSocket(t, endpoint.port, "Chat");
  const idle = bytes.used;
  client.send(rawFrame(TEXT, "", 1_000));
  for (let sent = 0; sent < 100; sent++) {
    const before = bytes.used;
    client.send("x");
    await until("it has come", () => bytes.used > before);
  }
  t.true(bytes.used >= idle + 100 * 400, `${bytes.used - idle} bytes are counted`);
});

test("messages that wait until the one before them is converted count what they take in memory (I11)", async (t) => {
  const endpoint = await runEndpoint(t, echo, {}, deaf().dispatch);
  const { bytes } = endpoint.accounts;
  const client = await rawWebSocket(t, endpoint.port, "Chat");
  const large = rawFrame(TEXT, JSON.stringify({ text: "x".repeat(300_000) }));
  client.send(large.subarray(0, -1));
  await until("all but its end has come", () => bytes.used > 300_000);
  // The large one is converted within milliseconds, so the account is asked whenever more is taken.
  let most = 0;
  const { change } = bytes;
  bytes.change = (by, shared) => {
    change.call(bytes, by, shared);
    most = Math.max(most, bytes.used);
  };
  const small = Array.from({ length: 500 }, () => rawFrame(TEXT, "{}"));
  client.send(Buffer.concat([large.subarray(-1), ...small]));
  await until("all are counted", () => most > 300_000 + 500 * 300);
  t.true(most < 300_000 + 500 * 600, `${most} bytes were counted`);
  client.socket.destroy();
  await until("nothing is taken", () => bytes.used === 0);
});

test("pongs without a message take nothing", async (t) => {
  const endpoint = await runEndpoint(t);
  const { bytes } = endpoint.accounts;
  const client = await rawWebSocket(t, endpoint.port, "Chat");
  const idle = bytes.used;
  for (let sent = 0; sent < 20; sent++) client.send(rawFrame(PONG, "y".repeat(100)));
  client.send(rawFrame(TEXT, MESSAGE));
  await client.until(MESSAGE);
  await until("all is given back", () => bytes.used <= idle);
  t.is(bytes.used, idle);
});

test("the largest message may come in fragments of 4 KiB", async (t) => {
  const endpoint = await runEndpoint(t);
  const { maxRequestBytes } = DEFAULT_ENDPOINT_OPTIONS;
  const client = await rawWebSocket(t, endpoint.port, "Chat");
  const blank = Buffer.alloc(4_096, " ");
  const count = Math.floor(maxRequestBytes / blank.length) - 1;
  for (let sent = 0; sent < count; sent++) client.send(rawFrame(sent === 0 ? 0x01 : 0x00, blank));
  client.send(rawFrame(0x80, MESSAGE));
  t.true((await client.until(MESSAGE)).includes(MESSAGE));
});

test("what has come whole, and what breaks off, gives its memory back", async (t) => {
  // Three quarters of these bytes are shared, and one connection may take at most half of those. If the first four kept
  // theirs, too few would be left for the last one.
  const endpoint = await runEndpoint(t, echo, { maxBufferedBytes: 1_333_000 });
  for (let i = 0; i < 4; i++) {
    const client = await rawWebSocket(t, endpoint.port, "Chat");
    client.send(rawFrame(TEXT, "x".repeat(150_000), 1_000_000));
    await delay(20);
    client.socket.destroy();
    await client.closed;
  }
  const talker = new Talker(t, endpoint.port, "Chat");
  for (let i = 0; i < 8; i++) await talker.say(JSON.stringify({ text: "x".repeat(150_000) }));
  t.is((await talker.heard(8)).length, 8);
});

test("a message that a method waits for has to come in time; a stream may take its own", async (t) => {
  const endpoint = await runEndpoint(t, echo, { requestTimeoutMs: 100 });
  const chat = await new Talker(t, endpoint.port, "Chat").say(MESSAGE);
  await chat.heard(1);
  const silent = new Talker(t, endpoint.port, "Recite");
  t.deepEqual(await silent.closed, [4004, "REQUEST_TIMEOUT"]);
  await chat.say(MESSAGE, "");
  t.deepEqual(await chat.closed, [1000, ""]);
});

test("a caller who does not answer pings is gone; one who does may be silent", async (t) => {
  const clock = new ManualClock();
  const { dispatch, ended } = deaf();
  let served: Dispatch["streamed"] = echoStream;
  const endpoint = await runEndpoint(t, echo, {}, (command) => served(command), clock);
  const alive = new Talker(t, endpoint.port, "Chat");
  await alive.opened;
  served = dispatch;
  const dead = await rawWebSocket(t, endpoint.port, "Chat");
  for (let i = 0; i < 5; i++) {
    const pinged = once(alive.socket, "ping");
    clock.advance(30_000);
    await pinged;
    // The pong is sent by now. Each round of the event loop reads what has arrived; a time would pass without a round
    // on a busy machine.
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([ended, dead.closed]);
  t.true(dead.received.endsWith("\x89\x00"), "it was pinged");
  await alive.say(MESSAGE, "");
  t.deepEqual(await alive.closed, [1000, ""]);
});

test("a caller who is held is not asked for pongs", async (t) => {
  const clock = new ManualClock();
  let go = (): void => undefined;
  const dispatch: Dispatch["streamed"] = async function* (command) {
    const input = command.input[Symbol.asyncIterator]();
    await input.next();
    yield { payload: new Uint8Array(0), metadata: NO_METADATA };
    await new Promise<void>((resolve) => (go = resolve));
    for (let next = await input.next(); next.done !== true; next = await input.next()) yield* [];
  };
  const endpoint = await runEndpoint(t, echo, {}, dispatch, clock);
  // Two such messages are more than is read ahead. Each is small enough to be read without the JSON thread, which
  // this clock would end.
  const large = JSON.stringify({ text: "x".repeat(60_000) });
  const talker = await new Talker(t, endpoint.port, "Chat").say(MESSAGE, large, large);
  await talker.heard(1);
  await delay(50);
  for (let i = 0; i < 5; i++) {
    const pinged = once(talker.socket, "ping");
    clock.advance(30_000);
    await pinged;
  }
  go();
  await talker.say("");
  t.deepEqual(await talker.closed, [1000, ""]);
});

test("an action that takes nothing holds its caller (I11)", async (t) => {
  const { dispatch } = deaf();
  const endpoint = await runEndpoint(t, echo, {}, dispatch);
  const talker = new Talker(t, endpoint.port, "Chat");
  const frame = JSON.stringify({ text: "x".repeat(10_000) });
  for (let i = 0; i < 5_000; i++) await talker.say(frame);
  const taken = await quiet(() => 50_000_000 - talker.socket.bufferedAmount);
  t.true(taken < 20_000_000, `${taken} bytes were taken`);
});

test("a caller who takes nothing holds the action, and its leaving is noticed (I11)", async (t) => {
  let pulled = 0;
  const ended = Promise.withResolvers<void>();
  const payload = Buffer.concat([Buffer.from([0x0a, 0x90, 0x4e]), Buffer.alloc(10_000, "x")]);
  const endpoint = await runEndpoint(t, echo, { streamKeepAliveMs: 20 }, async function* () {
    try {
      for (;;) {
        pulled++;
        yield { payload, metadata: NO_METADATA };
      }
    } finally {
      ended.resolve();
    }
  });
  const client = await rawWebSocket(t, endpoint.port, "Recite");
  client.socket.pause();
  client.send(rawFrame(TEXT, MESSAGE));
  const before = await quiet(() => pulled);
  t.true(before > 0 && before < 2_000, `${before} replies of 10 kB were pulled`);
  client.socket.destroy();
  await ended.promise;
});

/** Resolves with the number when it has stayed the same for 50 rounds. */
async function quiet(read: () => number): Promise<number> {
  let before = -1;
  for (let rounds = 0; rounds < 50; rounds = read() === before ? rounds + 1 : 0) {
    before = read();
    await delay(2);
  }
  return before;
}

// Handshakes

for (const [what, change] of [
  ["another version", (request: string) => request.replace("version: 13", "version: 8")],
  ["no version", (request: string) => request.replace("sec-websocket-version: 13\r\n", "")],
  ["a key that is none", (request: string) => request.replace("AAAAA", "")],
  ["no key", (request: string) => request.replace(/sec-websocket-key: .*\r\n/, "")],
  [
    "subprotocols that are none",
    (request: string) => request.replace("host", "sec-websocket-protocol: perdure.json,,\r\nhost"),
  ],
] as const) {
  test(`a handshake with ${what} is refused, and told what would be right`, async (t) => {
    const endpoint = await runEndpoint(t);
    const client = new RawClient(endpoint.port);
    client.send(change(handshakeBytes("Chat")));
    const answer = await client.closed;
    t.regex(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
    t.regex(answer, /\r\nperdure-error-code: MALFORMED_REQUEST\r\n/);
    t.regex(answer, /\r\nsec-websocket-version: 13\r\n/);
  });
}

test("other upgrades, and methods other than GET, are plain requests", async (t) => {
  const endpoint = await runEndpoint(t);
  for (const request of [
    "GET /books/1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n\r\n",
    "PUT /books/1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
  ]) {
    const client = new RawClient(endpoint.port);
    t.regex(await client.send(request).until("isbn"), /^HTTP\/1\.1 200 OK\r\n/);
    client.socket.destroy();
  }
});

test("a handshake behind a request that is still being answered ends the connection", async (t) => {
  const answered = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, async (command) => {
    await answered.promise;
    return echo(command);
  });
  const client = new RawClient(endpoint.port);
  client.send(`GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n${handshakeBytes("Chat")}`);
  t.is(await client.closed, "");
  answered.resolve();
  await serves(t, endpoint);
});

test("a handshake and frames may come in one piece; one that breaks off leaves nothing", async (t) => {
  const endpoint = await runEndpoint(t);
  const whole = Buffer.concat([
    Buffer.from(handshakeBytes("Chat")),
    rawFrame(TEXT, MESSAGE),
    rawFrame(TEXT, ""),
  ]);
  for (let end = 1; end < whole.length; end += 7) {
    const client = new RawClient(endpoint.port);
    client.send(whole.subarray(0, end));
    client.socket.end();
    await client.closed;
  }
  const client = new RawClient(endpoint.port);
  await client.send(whole).until(String.fromCharCode(0x88));
  t.is(closeCode(client.received), 1000);
  t.true(client.received.includes(MESSAGE));
  client.socket.destroy();
});

test("bytes that wait keep nothing of what came with them (I11)", async (t) => {
  const messages: Uint8Array[] = [];
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const endpoint = await runEndpoint(t, echo, {}, async function* ({ input }) {
    for await (const message of input) {
      messages.push(message);
      begun.resolve();
      await goOn.promise;
    }
    yield { payload: Buffer.of(), metadata: NO_METADATA };
  });
  const { bytes } = endpoint.accounts;
  const client = new RawClient(endpoint.port);
  t.teardown(() => void client.socket.destroy());
  await client.send(handshakeBytes("Chat", "sec-websocket-protocol: perdure.proto\r\n")).until("\r\n\r\n");
  const pongs = Buffer.concat(Array.from({ length: 400 }, () => rawFrame(PONG, "y".repeat(100))));
  // The second is the first that waits.
  for (let sent = 0; sent < 20; sent++) {
    const before = bytes.used;
    client.send(Buffer.concat([rawFrame(BINARY, "x"), pongs]));
    if (sent === 0) await begun.promise;
    else await until("it waits", () => bytes.used >= before + 320);
  }
  goOn.resolve();
  client.send(rawFrame(TEXT, ""));
  await until("all were read", () => messages.length === 20);
  const kept = messages.map(({ buffer, length }) => buffer.byteLength - length);
  t.true((kept[0] ?? 0) <= 4_096, `the first keeps ${kept[0]} bytes`);
  t.true(Math.max(...kept.slice(1)) <= 64, `they keep ${kept.join()}`);
});
