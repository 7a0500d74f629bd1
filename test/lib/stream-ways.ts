// SPDX-License-Identifier: Apache-2.0

import { request as request1 } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { Readable } from "node:stream";

import { createWebSocketStream, WebSocket } from "ws";

import { line, TALKS_SERVICE } from "./talks.ts";

interface Ask {
  readonly version: "HTTP/1.1" | "HTTP/2" | "WebSocket";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

const message = line("a");
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
const body = '{"text":"a"}';
const json = { "content-type": "application/json" };
const web = { "content-type": "application/grpc-web+proto" };

/** Every way to ask for a stream of replies. */
const WAYS = {
  gRPC: { version: "HTTP/2", headers: { "content-type": "application/grpc" }, body: frame },
  "gRPC-Web": { version: "HTTP/2", headers: web, body: frame },
  "gRPC-Web over HTTP/1.1": { version: "HTTP/1.1", headers: web, body: frame },
  "gRPC-Web as text": {
    version: "HTTP/1.1",
    headers: { "content-type": "application/grpc-web-text" },
    body: frame.toString("base64"),
  },
  "lines of JSON": { version: "HTTP/1.1", headers: json, body },
  "server-sent events": { version: "HTTP/2", headers: { ...json, accept: "text/event-stream" }, body },
  WebSocket: { version: "WebSocket", headers: {}, body },
} as const satisfies Record<string, Ask>;

type StreamWay = keyof typeof WAYS;

export const STREAM_WAYS = Object.keys(WAYS) as StreamWay[];

interface StreamReply {
  readonly body: Readable;
  /** Closes the connection without ending the request. */
  leave(): void;
}

const PATH = `/${TALKS_SERVICE}/Recite`;

/** Calls `Recite` of the talks. Resolves with the beginning of the answer, so not before the first reply. */
export function recite(port: number, way: StreamWay): Promise<StreamReply> {
  const ask = WAYS[way];
  if (ask.version === "WebSocket") return reciteWebSocket(port, ask);
  return ask.version === "HTTP/2" ? reciteHttp2(port, ask) : reciteHttp1(port, ask);
}

function reciteHttp1(port: number, ask: Ask): Promise<StreamReply> {
  const to = { host: "127.0.0.1", port, method: "POST", path: PATH, headers: ask.headers, agent: false };
  return new Promise((resolve, reject) => {
    const request = request1(to, (response) => {
      response.on("error", () => undefined);
      resolve({ body: response, leave: () => void request.destroy() });
    });
    request.on("error", reject);
    request.end(ask.body);
  });
}

function reciteHttp2(port: number, ask: Ask): Promise<StreamReply> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const stream = session.request({ ":method": "POST", ":path": PATH, ...ask.headers });
    stream.on("error", reject);
    stream.once("close", () => session.destroy());
    stream.once("response", () => resolve({ body: stream, leave: () => session.destroy() }));
    stream.end(ask.body);
  });
}

function reciteWebSocket(port: number, ask: Ask): Promise<StreamReply> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`);
  const answer = createWebSocketStream(socket);
  return new Promise((resolve, reject) => {
    answer.on("error", reject);
    answer.once("readable", () => resolve({ body: answer, leave: () => socket.terminate() }));
    socket.once("open", () => socket.send(ask.body));
  });
}
