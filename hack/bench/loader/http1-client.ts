// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

import type { LoadCall } from "../messages.ts";
import type { Client } from "./client.ts";
import { prepared } from "./client.ts";
import { http1Request } from "./requests.ts";

const HEAD_END = "\r\n\r\n";

/** Calls over HTTP/1.1, each caller on a connection of its own that stays open. */
export async function connectHttp1(port: number, call: LoadCall, callers: number): Promise<Client> {
  const lines = await Promise.all(Array.from({ length: callers }, () => openLine(port)));
  const requestOf = prepared((entity) => http1Request(call, entity));
  return {
    call: (caller, entity) => {
      const line = lines[caller];
      if (line === undefined) throw new Error(`there is no caller ${caller}`);
      return line.exchange(requestOf(entity));
    },
    close: () => lines.forEach((line) => line.close()),
  };
}

async function openLine(port: number): Promise<Line> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  return new Line(socket);
}

/** One connection with at most one request in flight. */
class Line {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#onData(chunk));
    socket.on("error", (error) => this.#settle?.reject(error));
    socket.on("close", () => this.#settle?.reject(new Error("the connection was closed")));
  }

  exchange(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#settle = undefined;
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#received.push(chunk);
    const received = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    const answer = readAnswer(received);
    if (answer === "incomplete") return;
    this.#received = [];
    if (answer === "ok") this.#settle?.resolve();
    else this.#settle?.reject(new Error(answer));
  }
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
