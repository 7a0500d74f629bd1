// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { ClientHttp2Session, ClientSessionOptions } from "node:http2";
import { connect as connectHttp2, constants } from "node:http2";
import { gzipSync } from "node:zlib";

import test from "ava";

import { Status, StatusError } from "../grpc/mod.ts";

import { readWebAnswer, webCall, webFrame } from "./testdata/grpc-web.ts";
import { HTTP_CLIENTS } from "./testdata/http-clients.ts";
import { BOOK, echo, GET, PUT, RawClient, runEndpoint, serves } from "./testdata/running-endpoint.ts";
import { handshakeBytes } from "./testdata/web-sockets.ts";

const WEB = "POST /perdure.test.library.Talks/Say HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

interface Broken {
  readonly name: string;
  readonly sent: string;
  readonly status: string;
  readonly code: string;
}

const broken: readonly Broken[] = [
  { name: "no HTTP at all", sent: "hello\r\n\r\n", status: "400", code: "MALFORMED_REQUEST" },
  {
    name: "TLS",
    sent: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a half preface of HTTP/2 that goes wrong",
    sent: "PRI * HTTP/3.0\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a header without a colon",
    sent: "GET / HTTP/1.1\r\nhost x\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "two lengths",
    sent: `${PUT}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a length and chunks",
    sent: `${PUT}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a chunk without a size",
    sent: `${PUT}transfer-encoding: chunked\r\n\r\nxyz\r\n`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "headers without end",
    sent: `GET / HTTP/1.1\r\nhost: x\r\na: ${"x".repeat(20_000)}`,
    status: "431",
    code: "HEADERS_TOO_LARGE",
  },
  {
    name: "a path without end",
    sent: `GET /${"x".repeat(20_000)}`,
    status: "431",
    code: "HEADERS_TOO_LARGE",
  },
];

const CHUNKS = "2\r\n{}\r\n0\r\n\r\n";

/**
 * Heads that a proxy in front of us may read differently (RFC 9112, 3.2 and 6.1). Such a request ends its connection,
 * because a proxy may share the connection between callers.
 */
const ambiguous: readonly Broken[] = [
  {
    name: "two hosts",
    sent: "GET /books/1 HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "the same host twice",
    sent: "GET /books/1 HTTP/1.1\r\nhost: x\r\nHOST: x\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a host that is none",
    sent: "GET /books/1 HTTP/1.1\r\nhost: x/y z\r\n\r\n",
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "a WebSocket with two hosts",
    sent: handshakeBytes("Chat", "host: y\r\n"),
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "chunks of gzip",
    sent: `${PUT}transfer-encoding: gzip, chunked\r\n\r\n${CHUNKS}`,
    status: "501",
    code: "UNKNOWN_TRANSFER_CODING",
  },
  {
    name: "chunks of gzip in two headers",
    sent: `${PUT}transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n${CHUNKS}`,
    status: "501",
    code: "UNKNOWN_TRANSFER_CODING",
  },
  {
    name: "gzip without chunks",
    sent: `${PUT}transfer-encoding: gzip\r\n\r\n${CHUNKS}`,
    status: "501",
    code: "UNKNOWN_TRANSFER_CODING",
  },
  {
    name: "chunks over HTTP/1.0",
    sent: `${PUT.replace("1.1", "1.0")}transfer-encoding: chunked\r\n\r\n${CHUNKS}`,
    status: "400",
    code: "MALFORMED_REQUEST",
  },
  {
    name: "gRPC-Web in chunks of gzip",
    sent: `${WEB}\r\ntransfer-encoding: gzip, chunked\r\n\r\n${CHUNKS}`,
    status: "501",
    code: "UNKNOWN_TRANSFER_CODING",
  },
];

for (const { name, sent } of ambiguous) {
  test(`${name} dispatches nothing, nor does what was sent with it`, async (t) => {
    let calls = 0;
    const count = async (command: Parameters<typeof echo>[0]) => {
      calls++;
      return echo(command);
    };
    const endpoint = await runEndpoint(t, count);
    await new RawClient(endpoint.port).send(sent + GET).closed;
    t.is(calls, 0);
    await serves(t, endpoint);
  });
}

for (const { name, sent, status, code } of [...broken, ...ambiguous]) {
  test(`${name} gets ${status} ${code}, and its connection ends`, async (t) => {
    const endpoint = await runEndpoint(t);
    const answer = await new RawClient(endpoint.port).send(Buffer.from(sent, "latin1")).closed;
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.true(answer.includes(`\r\nperdure-error-code: ${code}\r\n`), answer);
    await serves(t, endpoint);
  });
}

test("bytes that are not ASCII in a path are no one's path", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port).send(
    Buffer.from("GET /books/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n", "latin1"),
  );
  t.regex(await client.until("\r\n\r\n"), /^HTTP\/1\.1 400 /);
});

test("a request may come byte by byte", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port);
  client.socket.setNoDelay(true);
  for (const byte of GET) {
    client.send(byte);
    await new Promise(setImmediate);
  }
  t.true((await client.until(BOOK)).includes(BOOK));
});

test("an HTTP/2 preface may come byte by byte", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port);
  client.socket.setNoDelay(true);
  for (const byte of PREFACE) {
    client.send(byte);
    await new Promise(setImmediate);
  }
  const settings = "\x04\x00\x00\x00\x00\x00";
  t.true((await client.until(settings)).includes(settings));
  client.socket.destroy();
});

test("a wish for HTTP/2 on an HTTP/1.1 connection is passed over", async (t) => {
  const endpoint = await runEndpoint(t);
  const upgrade =
    "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
  const client = new RawClient(endpoint.port).send(GET.replace("host", `${upgrade}host`));
  t.true((await client.until(BOOK)).startsWith("HTTP/1.1 200 OK"));
});

test("a peer's error code that is no header value is left out", async (t) => {
  const endpoint = await runEndpoint(t, async () => {
    throw new StatusError(Status.UNKNOWN, "a\r\nset-cookie: x", "text");
  });
  const response = await fetch(`${endpoint.url}/books/1`);
  t.is(response.status, 500);
  t.is(response.headers.get("perdure-error-code"), null);
  t.like(await response.json(), { message: "text", details: [{ reason: "UNKNOWN" }] });
});

test("a broken request behind an open one is not answered in its place", async (t) => {
  const endpoint = await runEndpoint(t, () => new Promise(() => undefined));
  t.is(await new RawClient(endpoint.port).send(`${GET}garbage\r\n\r\n`).closed, "");
});

test("a body may come in chunks", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port).send(`${PUT}transfer-encoding: chunked\r\n\r\n`);
  client.send('9\r\n{"title":\r\n').send('4\r\n"x"}\r\n0\r\n\r\n');
  t.true((await client.until('"title":"x"')).includes("HTTP/1.1 200 OK"));
});

test("a body without length and chunks is an empty body", async (t) => {
  const endpoint = await runEndpoint(t);
  const answer = await new RawClient(endpoint.port).send(`${PUT}\r\n`).until(BOOK);
  t.true(answer.startsWith("HTTP/1.1 200 OK"), answer);
});

test("a body that breaks off dispatches nothing", async (t) => {
  let calls = 0;
  const endpoint = await runEndpoint(t, async (command) => {
    calls++;
    return echo(command);
  });
  const client = new RawClient(endpoint.port).send(`${PUT}content-length: 20\r\n\r\n{"title":`);
  client.socket.end();
  await client.closed;
  await serves(t, endpoint);
  t.is(calls, 1);
});

const LARGE = 20 * 1_048_576;

test("HTTP/1.1: a body announced too large is refused before it is sent", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port).send(`${PUT}content-length: ${LARGE}\r\n\r\n`);
  const answer = await client.until("bytes");
  t.true(answer.startsWith("HTTP/1.1 413 "), answer);
  t.true(answer.includes("perdure-error-code: REQUEST_TOO_LARGE"));
  t.true(answer.endsWith("the body is larger than 12582912 bytes"));
});

test("HTTP/1.1: a client that asks first is not told to go on with a body that is too large", async (t) => {
  const endpoint = await runEndpoint(t);
  const large = new RawClient(endpoint.port).send(
    `${PUT}expect: 100-continue\r\ncontent-length: ${LARGE}\r\n\r\n`,
  );
  const refused = await large.closed;
  t.true(refused.startsWith("HTTP/1.1 413 "), refused);
  t.regex(refused, /connection: close/i);
  const small = new RawClient(endpoint.port).send(`${PUT}expect: 100-continue\r\ncontent-length: 2\r\n\r\n`);
  t.true((await small.until("\r\n\r\n")).startsWith("HTTP/1.1 100 Continue\r\n"));
  t.true((await small.send("{}").until("isbn")).includes("HTTP/1.1 200 OK"));
});

test("HTTP/1.1: the connection goes on after a body of 20 MiB was refused", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port);
  client.send(`${PUT}content-length: ${LARGE}\r\n\r\n`).send(Buffer.alloc(LARGE, 0x20)).send(GET);
  const answers = await client.until(BOOK);
  t.true(answers.startsWith("HTTP/1.1 413 "));
  t.true(answers.includes("HTTP/1.1 200 OK"));
});

test("HTTP/1.1: chunks that add up to 20 MiB are refused", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port).send(`${PUT}transfer-encoding: chunked\r\n\r\n`);
  client
    .send(`${LARGE.toString(16)}\r\n`)
    .send(Buffer.alloc(LARGE, 0x20))
    .send("\r\n0\r\n\r\n")
    .send(GET);
  const answers = await client.until(BOOK);
  t.true(answers.startsWith("HTTP/1.1 413 "), answers);
  t.true(answers.includes("HTTP/1.1 200 OK"));
});

for (const announced of [true, false]) {
  test(`HTTP/2: a body of 20 MiB, ${announced ? "" : "not "}announced, is refused and the connection goes on`, async (t) => {
    const endpoint = await runEndpoint(t);
    const session = openSession(endpoint.url, { maxSessionMemory: 64 });
    const headers = { ":method": "PUT", ":path": "/books/1", "content-type": "application/json" };
    const stream = session.request(announced ? { ...headers, "content-length": LARGE } : headers);
    const status = new Promise((resolve) =>
      stream.on("response", (response) => resolve(response[":status"])),
    );
    stream.on("error", () => undefined);
    stream.resume();
    stream.end(Buffer.alloc(LARGE, 0x20));
    t.is(await status, 413);
    const next = session.request({ ":path": "/books/1" });
    t.is(
      await new Promise((resolve) => next.on("response", (response) => resolve(response[":status"]))),
      200,
    );
    session.destroy();
  });
}

// Slow clients

test("a connection that never shows its protocol is closed", async (t) => {
  const endpoint = await runEndpoint(t, echo, { firstRequestTimeoutMs: 1_000 });
  t.is(await new RawClient(endpoint.port).closed, "");
  t.is(await new RawClient(endpoint.port).send("PRI * HT").closed, "");
  await serves(t, endpoint);
});

test("a connection of HTTP/2 that makes no request is closed; one that has made one goes on", async (t) => {
  const endpoint = await runEndpoint(t, echo, { firstRequestTimeoutMs: 500 });
  const user = openSession(`http://127.0.0.1:${endpoint.port}`);
  t.teardown(() => user.destroy());
  const get = async (): Promise<unknown> => {
    const [headers] = (await once(user.request({ ":path": "/books/1" }), "response")) as [object];
    return (headers as Record<string, unknown>)[":status"];
  };
  t.is(await get(), 200);
  await new RawClient(endpoint.port).send(PREFACE).send(SETTINGS).closed;
  t.is(await get(), 200);
});

test("headers that never end get 408", async (t) => {
  const endpoint = await runEndpoint(t, echo, { headersTimeoutMs: 1_000 });
  const answer = await new RawClient(endpoint.port).send("GET / HTTP/1.1\r\nhost: x\r\n").closed;
  t.true(answer.startsWith("HTTP/1.1 408 Request Timeout\r\n"), answer);
  t.true(answer.includes("perdure-error-code: REQUEST_TIMEOUT"));
});

test("a body that never ends gets 408, over both versions", async (t) => {
  const endpoint = await runEndpoint(t, echo, { requestTimeoutMs: 1_000 });
  const client = new RawClient(endpoint.port).send(`${PUT}content-length: 20\r\n\r\n{`);
  t.true((await client.until("in time")).startsWith("HTTP/1.1 408 Request Timeout\r\n"), client.received);
  await client.closed;
  t.is(client.received.match(/HTTP\/1\.1/g)?.length, 1, "one answer only");

  const session = openSession(endpoint.url);
  const stream = session.request({
    ":method": "PUT",
    ":path": "/books/1",
    "content-type": "application/json",
  });
  stream.on("error", () => undefined);
  stream.write("{");
  t.is(
    await new Promise((resolve) => stream.on("response", (response) => resolve(response[":status"]))),
    408,
  );
  session.destroy();
});

test("idle connections are closed after their time, over both versions", async (t) => {
  const endpoint = await runEndpoint(t, echo, { idleTimeoutMs: 1_000 });
  const answer = await new RawClient(endpoint.port).send(GET).closed;
  t.true(answer.endsWith(BOOK));
  const session = openSession(endpoint.url);
  await new Promise((resolve) => session.on("close", resolve));
  t.pass();
});

// HTTP/2 frames

/** A frame of HTTP/2: RFC 9113, 4.1. */
function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
const badFrames: readonly (readonly [name: string, bytes: Buffer])[] = [
  ["no settings but text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["a frame that is too large", frame(0, 0, 1, Buffer.alloc(0), 0xffffff)],
  ["data for a stream that is not open", Buffer.concat([SETTINGS, frame(0, 0, 1, Buffer.from("x"))])],
  ["headers that are not HPACK", Buffer.concat([SETTINGS, frame(1, 5, 1, Buffer.alloc(20, 0xff))])],
  ["settings of a wrong length", frame(4, 0, 0, Buffer.alloc(5))],
];

for (const [name, bytes] of badFrames) {
  test(`HTTP/2: ${name} ends the connection`, async (t) => {
    const endpoint = await runEndpoint(t);
    await new RawClient(endpoint.port).send(PREFACE).send(bytes).closed;
    await serves(t, endpoint);
  });
}

test("HTTP/2: half a frame harms nobody, and ends when the client goes", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port)
    .send(PREFACE)
    .send(SETTINGS)
    .send(frame(1, 4, 1, Buffer.from("x"), 100));
  await client.until("\x04");
  await serves(t, endpoint);
  client.socket.end();
  await client.closed;
  await endpoint.close(60_000);
  t.pass();
});

test("HTTP/2: a request without a path, and CONNECT, harm nobody", async (t) => {
  const endpoint = await runEndpoint(t);
  const session = openSession(endpoint.url);
  const stream = session.request({ ":method": "CONNECT", ":authority": "x" });
  t.deepEqual(
    await new Promise((resolve) =>
      stream.on("response", (response) => resolve([response[":status"], response["perdure-error-code"]])),
    ),
    [405, "METHOD_NOT_ALLOWED"],
  );
  stream.close(constants.NGHTTP2_CANCEL);
  await serves(t, endpoint);
  session.destroy();
});

for (const contentType of ["application/json", "application/grpc", "application/grpc-web"]) {
  test(`HTTP/2: another host than the authority's is refused (RFC 9113, 8.3.1): ${contentType}`, async (t) => {
    const endpoint = await runEndpoint(t, () => t.fail("it was dispatched"));
    const session = openSession(endpoint.url);
    t.teardown(() => session.destroy());
    const [status, code] = await new Promise<readonly unknown[]>((resolve, reject) => {
      const head = { ":method": "POST", ":path": "/perdure.test.library.Talks/Say" };
      const stream = session.request({
        ...head,
        ":authority": "x",
        host: "y",
        "content-type": contentType,
      });
      stream.on("response", (headers) => resolve([headers[":status"], headers["perdure-error-code"]]));
      stream.on("error", reject);
      stream.end();
    });
    t.deepEqual([status, code], [400, "MALFORMED_REQUEST"]);
    const next = session.request({ ":path": "/nowhere", ":authority": "X:80", host: "x:80" });
    t.is(await new Promise((resolve) => next.on("response", (headers) => resolve(headers[":status"]))), 404);
  });
}

// gRPC-Web

interface BadCall {
  readonly name: string;
  readonly body: string | Buffer;
  readonly code: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const badCalls: readonly BadCall[] = [
  { name: "text that is not base64", body: "AAAA****", code: "BAD_FRAME" },
  { name: "base64 that breaks off", body: "AAAAAAAAA", code: "BAD_FRAME" },
  { name: "half a prefix", body: Buffer.from([0, 0, 0]), code: "BAD_FRAME" },
  { name: "half a message", body: webFrame("hello").subarray(0, 7), code: "BAD_FRAME" },
  { name: "trailers from a caller", body: webFrame("a: b", 0x80), code: "BAD_FRAME" },
  {
    name: "a message announced too large",
    body: Buffer.from([0, 255, 255, 255, 255]),
    code: "MESSAGE_TOO_LARGE",
  },
  { name: "no message", body: Buffer.alloc(0), code: "MESSAGE_COUNT" },
  { name: "two messages", body: Buffer.concat([webFrame("a"), webFrame("b")]), code: "MESSAGE_COUNT" },
  { name: "a packed message without a name", body: webFrame("a", 1), code: "BAD_COMPRESSION" },
  {
    name: "a packed message that is not packed",
    body: webFrame("a", 1),
    code: "BAD_COMPRESSION",
    headers: { "grpc-encoding": "gzip" },
  },
  {
    name: "a packed message that is huge",
    body: webFrame(gzipSync(Buffer.alloc(LARGE)), 1),
    code: "MESSAGE_TOO_LARGE",
    headers: { "grpc-encoding": "gzip" },
  },
];

for (const [version, send] of Object.entries(HTTP_CLIENTS)) {
  for (const { name, body, code, headers } of badCalls) {
    test(`${version}: gRPC-Web: ${name} gets ${code}`, async (t) => {
      const endpoint = await runEndpoint(t);
      const { trailers } = await readWebAnswer(await send(endpoint.port, webCall("Say", body, headers)));
      t.is(trailers?.["perdure-error-code"], code);
      await serves(t, endpoint);
    });
  }
}

test("gRPC-Web: a refusal does not wait for the rest of a body, and its connection goes on", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port);
  client.send(`${WEB}\r\ncontent-length: ${LARGE}\r\n\r\n`).send(Buffer.from([0, 255, 255, 255, 255]));
  await client.until("MESSAGE_TOO_LARGE");
  client.send(Buffer.alloc(LARGE - 5)).send(GET);
  t.true((await client.until(BOOK)).endsWith(BOOK));
});

test("gRPC-Web: a caller that asks first is told to go on", async (t) => {
  const endpoint = await runEndpoint(t);
  const client = new RawClient(endpoint.port).send(
    `${WEB}\r\nexpect: 100-continue\r\ncontent-length: 7\r\n\r\n`,
  );
  await client.until("100 Continue");
  client.send(webFrame("hi"));
  t.true((await client.until("grpc-status: 0")).includes("HTTP/1.1 200 OK"));
});

test("gRPC-Web: a body that never ends gets REQUEST_TIMEOUT or its connection closed", async (t) => {
  const endpoint = await runEndpoint(t, echo, { requestTimeoutMs: 1_000 });
  const client = new RawClient(endpoint.port).send(`${WEB}\r\ncontent-length: 20\r\n\r\n`).send("\0\0");
  const answer = await client.closed;
  t.true(answer === "" || answer.includes("REQUEST_TIMEOUT"), answer);
  const session = openSession(endpoint.url);
  t.teardown(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/perdure.test.library.Talks/Say",
    "content-type": "application/grpc-web",
  });
  stream.on("error", () => undefined);
  stream.write("\0\0");
  let text = "";
  for await (const chunk of stream) text += (chunk as Buffer).toString();
  t.true(text.includes("perdure-error-code: REQUEST_TIMEOUT"), text);
});

test("gRPC-Web: a caller that goes in the middle of a message dispatches nothing and harms nobody", async (t) => {
  let calls = 0;
  const endpoint = await runEndpoint(t, async (command) => {
    calls++;
    return echo(command);
  });
  const client = new RawClient(endpoint.port)
    .send(`${WEB}\r\ncontent-length: 20\r\n\r\n`)
    .send(webFrame("hi"));
  await serves(t, endpoint);
  client.socket.destroy();
  await client.closed;
  const session = openSession(endpoint.url);
  const headers = { ":method": "POST", ":path": "/perdure.test.library.Talks/Say" };
  const stream = session.request({ ...headers, "content-type": "application/grpc-web-text" });
  stream.on("error", () => undefined);
  stream.write("AAAA");
  await new Promise((resolve) => session.ping(resolve));
  stream.close(constants.NGHTTP2_CANCEL);
  await serves(t, endpoint);
  session.destroy();
  await endpoint.close(60_000);
  t.is(calls, 2);
});

/** A connection whose end by the other side fails its streams only, and not the test's process. */
function openSession(url: string, options?: ClientSessionOptions): ClientHttp2Session {
  const session = connectHttp2(url, options);
  session.on("error", () => undefined);
  return session;
}
