// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";

import type { ExecutionContext } from "ava";
import { WebSocket } from "ws";

import { RawClient } from "./running-endpoint.ts";

export interface WebSocketCall {
  /** By default the path of a method of `Talks`. */
  readonly path?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** How a WebSocket ended: a close code of RFC 6455, and its reason. */
export type Closing = readonly [code: number, reason: string];

/** A caller on a WebSocket that gathers what it is sent. */
export class Talker {
  readonly socket: WebSocket;
  /** Texts and bytes, in their order. */
  readonly frames: (string | Buffer)[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<Closing>;
  #wake = (): void => undefined;

  constructor(
    t: ExecutionContext,
    port: number,
    name: string,
    { path, protocols, headers }: WebSocketCall = {},
  ) {
    const url = `ws://127.0.0.1:${port}${path ?? `/perdure.test.library.Talks/${name}`}`;
    this.socket = new WebSocket(url, [...(protocols ?? [])], { headers: { ...headers } });
    this.socket.on("message", (data: Buffer, isBinary) => {
      this.frames.push(isBinary ? data : data.toString());
      this.#wake();
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on("open", resolve);
      this.socket.on("error", reject);
    });
    // Avoids an unhandled rejection. Code that awaits `opened` still gets the error.
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) =>
      this.socket.on("close", (code, reason) => {
        resolve([code, reason.toString()]);
        this.#wake();
      }),
    );
    t.teardown(() => this.socket.terminate());
  }

  /** Sends each argument as one message, as soon as the WebSocket is open. */
  async say(...frames: readonly (string | Uint8Array)[]): Promise<this> {
    await this.opened;
    for (const frame of frames) this.socket.send(frame);
    return this;
  }

  /** Waits until `count` frames have come, or the WebSocket is closed. */
  async heard(count: number): Promise<readonly (string | Buffer)[]> {
    while (this.frames.length < count && this.socket.readyState !== WebSocket.CLOSED)
      await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.frames;
  }
}

/** The answer to a request for a WebSocket that is refused. */
export function refusal(
  t: ExecutionContext,
  port: number,
  name: string,
  call: WebSocketCall = {},
): Promise<{ readonly status: number; readonly code: string; readonly text: string }> {
  const { socket } = new Talker(t, port, name, call);
  return new Promise((resolve, reject) => {
    socket.on("open", () => reject(new Error("it was not refused")));
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          code: String(response.headers["perdure-error-code"]),
          text,
        }),
      );
    });
  });
}

/** The request for a WebSocket to a method of `Talks`, by hand. */
export function handshakeBytes(name: string, headers = ""): string {
  return (
    `GET /perdure.test.library.Talks/${name} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
    `sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${headers}\r\n`
  );
}

/** A raw connection on which the WebSocket has been opened. */
export async function rawWebSocket(t: ExecutionContext, port: number, name: string): Promise<RawClient> {
  const client = new RawClient(port);
  t.teardown(() => void client.socket.destroy());
  await client.send(handshakeBytes(name)).until("\r\n\r\n");
  return client;
}

/** A frame of RFC 6455, 5.2, masked with zeros; its length may be a lie. */
export function rawFrame(first: number, payload: string | Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(14);
  head[0] = first;
  if (length < 126) {
    head[1] = 0x80 | length;
    return Buffer.concat([head.subarray(0, 6), Buffer.from(payload)]);
  }
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.from(payload)]);
}

/** The code of the close frame that ends what a bare connection received; undefined if there is none. */
export function closeCode(received: string): number | undefined {
  const body = Buffer.from(received.slice(received.indexOf("\r\n\r\n") + 4), "latin1");
  let at = 0;
  while (at + 2 <= body.length) {
    let length = (body[at + 1] ?? 0) & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = body.readUInt16BE(start);
      start += 2;
    }
    if ((body[at] ?? 0) === 0x88) return body.readUInt16BE(start);
    at = start + length;
  }
  return undefined;
}
