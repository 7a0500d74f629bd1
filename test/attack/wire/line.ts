// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { connect } from "node:net";

import type { Tools } from "../attack.ts";
import { HOST } from "../target.ts";
import { FLAG, FRAME, FrameReader, opening } from "./h2-frames.ts";
import { onAbort } from "./on-abort.ts";

export interface LineOptions {
  /** The loopback address that it comes from; by default 127.0.0.1. */
  readonly from?: string;
  /** By default a free one of the system's choice. */
  readonly fromPort?: number;
  /** If true, nothing is read: received bytes stay in the system's buffers. */
  readonly unread?: boolean;
}

/**
 * A plain TCP connection to the target.
 *
 * 1. Its errors are ignored. If the proxy refuses or closes it, that is counted.
 * 2. It is closed when the attack's signal aborts.
 */
export class Line {
  readonly socket: Socket;
  readonly #tools: Tools;

  constructor(socket: Socket, tools: Tools) {
    this.socket = socket;
    this.#tools = tools;
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /** Writes, and waits until the system has taken it. False if the connection is gone. */
  async send(bytes: Uint8Array): Promise<boolean> {
    if (!this.isOpen) return false;
    this.#tools.tally.add("bytes", bytes.length);
    return new Promise((resolve) => {
      const onClose = (): void => resolve(false);
      this.socket.once("close", onClose);
      this.socket.write(bytes, (error) => {
        this.socket.off("close", onClose);
        resolve(error === undefined || error === null);
      });
    });
  }

  /** Waits until the connection is closed, by the proxy or at the end of the attack. */
  async closed(): Promise<void> {
    if (this.isOpen) await new Promise((resolve) => this.socket.once("close", resolve));
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Opens a connection; undefined if it is refused, or the attack is over. */
export function openLine(
  port: number,
  tools: Tools,
  { from = HOST, fromPort, unread = false }: LineOptions = {},
): Promise<Line | undefined> {
  const { signal, tally } = tools;
  if (signal.aborted) return Promise.resolve(undefined);
  const socket = connect({
    host: HOST,
    port,
    localAddress: from,
    ...(fromPort !== undefined && { localPort: fromPort }),
    noDelay: true,
  });
  const forget = onAbort(signal, () => socket.destroy());
  socket.on("error", () => undefined);
  if (unread) socket.pause();
  else socket.resume();
  return new Promise((resolve) => {
    let isConnected = false;
    socket.once("connect", () => {
      isConnected = true;
      tally.add("connections");
      resolve(new Line(socket, tools));
    });
    socket.once("close", () => {
      forget();
      if (!signal.aborted) tally.add(isConnected ? "closed connections" : "refused connections");
      resolve(undefined);
    });
  });
}

export interface H2Options extends LineOptions {
  /** The initial window: bytes that the server may send on each stream; by default HTTP/2's own 65,535 bytes. */
  readonly windowBytes?: number;
}

/** Opens a connection and sends the beginning of HTTP/2. The proxy's replies are counted unless `unread` is set. */
export async function openH2Line(
  port: number,
  tools: Tools,
  options: H2Options = {},
): Promise<Line | undefined> {
  const line = await openLine(port, tools, options);
  if (line === undefined) return undefined;
  if (options.unread !== true) countFrames(line, tools);
  await line.send(opening(options.windowBytes));
  return line;
}

function countFrames(line: Line, { tally }: Tools): void {
  const reader = new FrameReader();
  line.socket.on("data", (chunk: Buffer) => {
    for (const { type, flags } of reader.push(chunk)) {
      if (type === FRAME.resetStream) tally.add("reset streams");
      else if (type === FRAME.goAway) tally.add("goaways");
      else if (type <= FRAME.headers && (flags & FLAG.endStream) !== 0) tally.add("answered streams");
    }
  });
}

/** Resolves when the attack is over. */
export function over(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => void onAbort(signal, resolve));
}
