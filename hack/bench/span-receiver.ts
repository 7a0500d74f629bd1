// SPDX-License-Identifier: Apache-2.0
// A receiver of spans by OTLP over gRPC, in a process of its own, which reads nothing of what it gets. Its argument is
// its kind (`ReceiverKind`). It sends its port to its parent, and what it has received whenever it is asked.

import { once } from "node:events";
import type { ServerHttp2Stream } from "node:http2";
import { createServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTcpServer } from "node:net";

import type { ReceiverKind } from "./telemetry.ts";

/** What a receiver has got. */
export interface Received {
  readonly requests: number;
  readonly bytes: number;
}

process.on("disconnect", () => process.exit(0));

const SLOW_MS = 8_000;
const OK = 0;
const UNAUTHENTICATED = 16;
/** A message of gRPC without a byte: not compressed, of length 0. */
const EMPTY_MESSAGE = Buffer.alloc(5);

const kind = process.argv[2] as ReceiverKind;
let received: Received = { requests: 0, bytes: 0 };

const server: Server = kind === "garbage" ? garbageServer() : grpcServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
if (kind === "unreachable") server.close();
process.on("message", () => process.send?.(received));
process.send?.({ port });

function garbageServer(): Server {
  return createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      received = { requests: received.requests + 1, bytes: received.bytes + bytes.length };
      socket.write(Buffer.alloc(1_000, "garbage "));
    });
  });
}

function grpcServer(): Server {
  const http2 = createServer();
  http2.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.on("data", (bytes: Buffer) => {
      received = { ...received, bytes: received.bytes + bytes.length };
    });
    stream.once("end", () => {
      received = { ...received, requests: received.requests + 1 };
      setTimeout(() => answer(stream), kind === "slow" ? SLOW_MS : 0);
    });
  });
  return http2;
}

function answer(stream: ServerHttp2Stream): void {
  if (stream.destroyed) return;
  const status = kind === "refusing" ? UNAUTHENTICATED : OK;
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(status) }));
  stream.end(status === OK ? EMPTY_MESSAGE : undefined);
}
