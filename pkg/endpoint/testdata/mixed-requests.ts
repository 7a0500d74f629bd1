// SPDX-License-Identifier: Apache-2.0

import type { ClientHttp2Session, OutgoingHttpHeaders } from "node:http2";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import fc from "fast-check";

import { webFrame } from "./grpc-web.ts";
import { handshakeBytes, rawFrame } from "./web-sockets.ts";

/** How a request travels. */
const WAYS = [
  "json1",
  "json2",
  "grpc",
  "grpc-stream",
  "web1",
  "web2",
  "websocket",
  "fragments",
  "pipelined",
] as const;

/** How its caller ends it: reads to the end; leaves in the middle of the request, or right after it; never reads. */
const ENDINGS = ["read", "cut", "leave", "deaf"] as const;

/**
 * What the method does. The text of a request repeats this letter, so that the method in `exact-account.test.ts` can
 * read it.
 */
export const DEEDS = { echo: "e", fail: "f", crash: "c", hang: "h", large: "l", gone: "g" } as const;

export interface MixedRequest {
  readonly way: (typeof WAYS)[number];
  readonly ending: (typeof ENDINGS)[number];
  readonly deed: keyof typeof DEEDS;
  /** Of the text, in bytes. */
  readonly size: number;
  readonly isPacked: boolean;
}

export const mixedRequest: fc.Arbitrary<MixedRequest> = fc.record({
  way: fc.constantFrom(...WAYS),
  ending: fc.constantFrom(...ENDINGS),
  deed: fc.constantFrom(...(Object.keys(DEEDS) as (keyof typeof DEEDS)[])),
  size: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 10_000, max: 300_000 })),
  isPacked: fc.boolean(),
});

/**
 * Sends the request, and ends it as `ending` says. Resolves when the caller is done with it. The answer is not
 * checked.
 */
export function send(port: number, session: ClientHttp2Session, request: MixedRequest): Promise<void> {
  const { way, deed, size, isPacked } = request;
  const text = DEEDS[deed].repeat(size);
  const message = Buffer.concat([Buffer.from([0x0a]), varint(size), Buffer.from(text)]);
  const framed = isPacked ? webFrame(gzipSync(message), 1) : webFrame(message);
  const json = Buffer.from(JSON.stringify({ text }));
  const packed = isPacked ? { "grpc-encoding": "gzip" } : {};
  const talks = "/perdure.test.library.Talks";
  switch (way) {
    case "json1":
      return overTcp(
        port,
        Buffer.concat([head("/talks", { "content-type": JSON_TYPE }, json), json]),
        request,
      );
    case "pipelined":
      return overTcp(port, Buffer.from("GET /books/1 HTTP/1.1\r\nhost: x\r\n\r\n".repeat(5)), request);
    case "web1":
      return overTcp(
        port,
        Buffer.concat([head(`${talks}/Say`, { "content-type": WEB_TYPE, ...packed }, framed), framed]),
        request,
      );
    case "websocket":
      return overTcp(
        port,
        Buffer.concat([Buffer.from(handshakeBytes("Chat")), rawFrame(0x81, json)]),
        request,
      );
    case "fragments":
      return overTcp(port, Buffer.concat([Buffer.from(handshakeBytes("Chat")), inFragments(json)]), request);
    case "json2":
      return overStream(session, { ":path": "/talks", "content-type": JSON_TYPE }, json, request);
    case "web2":
      return overStream(
        session,
        { ":path": `${talks}/Say`, "content-type": WEB_TYPE, ...packed },
        framed,
        request,
      );
    case "grpc":
      return overStream(
        session,
        { ":path": `${talks}/Say`, "content-type": "application/grpc", te: "trailers", ...packed },
        framed,
        request,
      );
    case "grpc-stream": {
      const several = Buffer.concat([framed, framed, framed]);
      return overStream(
        session,
        { ":path": `${talks}/Chat`, "content-type": "application/grpc", te: "trailers", ...packed },
        several,
        request,
      );
    }
  }
}

export function openSession(port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  return session;
}

/**
 * A caller who would wait for ever, or does not read, leaves after this many milliseconds. The exact time does not
 * matter.
 */
const LEAVE_MS = 5;

const JSON_TYPE = "application/json";
const WEB_TYPE = "application/grpc-web+proto";

/** Ways on which the connection stays open after the answer. */
const ENDLESS: ReadonlySet<MixedRequest["way"]> = new Set(["websocket", "fragments", "pipelined"]);

/** The text three times: in one frame, in fragments with pings in between, and in fragments without an end. */
function inFragments(text: Buffer): Buffer {
  const size = Math.ceil(text.length / 100);
  const next = (_: unknown, at: number): Buffer => rawFrame(0x00, text.subarray(at * size, (at + 1) * size));
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, next);
  const pinged = pieces.flatMap((piece) => [piece, rawFrame(0x89, "ping")]);
  const [begin, end] = [rawFrame(0x01, ""), rawFrame(0x80, "")];
  return Buffer.concat([rawFrame(0x81, text), begin, ...pinged, end, begin, ...pieces]);
}

function head(path: string, headers: Readonly<Record<string, string>>, body: Buffer): Buffer {
  const lines = Object.entries({
    host: "x",
    connection: "close",
    ...headers,
    "content-length": String(body.length),
  });
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  );
}

function overTcp(port: number, bytes: Buffer, { ending, deed, way }: MixedRequest): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).on("close", () => resolve());
    const sent = ending === "cut" ? bytes.subarray(0, bytes.length >> 1) : bytes;
    socket.write(sent, () => {
      if (ending === "cut" || ending === "leave") socket.destroy();
    });
    const isEndless = deed === "hang" || ENDLESS.has(way) || ending === "deaf";
    if (isEndless) void delay(LEAVE_MS).then(() => socket.destroy());
    if (ending === "deaf") socket.pause();
    else socket.resume();
  });
}

function overStream(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  bytes: Buffer,
  { ending, deed }: MixedRequest,
): Promise<void> {
  return new Promise((resolve) => {
    const stream = session.request({ ":method": "POST", ...headers });
    stream.on("error", () => undefined).on("close", () => resolve());
    const leave = (): void => {
      stream.close(constants.NGHTTP2_CANCEL);
      // Destroys the stream, because Node closes no stream that still holds data, in either direction.
      setImmediate(() => stream.destroy());
    };
    if (ending === "cut") {
      stream.write(bytes.subarray(0, bytes.length >> 1));
      void delay(LEAVE_MS).then(leave);
      return;
    }
    stream.end(bytes, () => {
      if (ending === "leave") leave();
    });
    if (deed === "hang" || ending === "deaf") void delay(LEAVE_MS).then(leave);
    if (ending !== "deaf") stream.resume();
  });
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
