// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

import type { LoadCall } from "./job.ts";
import { httpPath, prepared } from "./requests.ts";
import type { Client } from "./run.ts";

const HEAD_END = "\r\n\r\n";

/** Reads carts over HTTP/1.1, each caller on a connection of its own that stays open. */
export async function connectHttp1(port: number, call: LoadCall, callers: number): Promise<Client> {
  if (call !== "getCart") throw new Error(`${call} is not called over HTTP/1.1`);
  const sockets = Array.from({ length: callers }, () => connect({ host: "127.0.0.1", port, noDelay: true }));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  const requestOf = prepared((entity) =>
    Buffer.from(`GET ${httpPath(entity)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`),
  );
  const exchanges = sockets.map(exchangeOn);
  return {
    call: async (caller, entity) => exchanges[caller]?.(requestOf(entity)),
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
}

/** Returns a function that sends one request and waits for its answer. */
function exchangeOn(socket: Socket): (request: Buffer) => Promise<void> {
  let settle: { resolve(): void; reject(error: Error): void } | undefined;
  let received = Buffer.alloc(0);
  socket.on("error", (error) => settle?.reject(error));
  socket.on("close", () => settle?.reject(new Error("the connection was closed")));
  socket.on("data", (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = readAnswer(received);
    if (answer === "incomplete") return;
    received = Buffer.alloc(0);
    if (answer === "ok") settle?.resolve();
    else settle?.reject(new Error(answer));
  });
  return (request) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
      socket.write(request);
    });
}

/** What the bytes received so far hold: "ok", "incomplete", or an error text. */
export function readAnswer(received: Buffer): string {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return "incomplete";
  const head = received.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) return `the answer has no content-length: ${head}`;
  if (received.length < headEnd + HEAD_END.length + Number(length)) return "incomplete";
  return head.startsWith("HTTP/1.1 200 ") ? "ok" : received.toString();
}
