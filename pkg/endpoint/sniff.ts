// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

/** What an HTTP/2 client with prior knowledge sends first (RFC 9113, 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export type HttpVersion = "http1" | "http2";

/** Decides for HTTP/2 after its preface, for HTTP/1.1 when a byte differs. Puts the bytes back, pauses the socket. */
export function sniff(socket: Socket, decide: (version: HttpVersion) => void): void {
  let head: Buffer | undefined;
  const onData = (chunk: Buffer): void => {
    head = head === undefined ? chunk : Buffer.concat([head, chunk]);
    const compared = Math.min(head.length, PREFACE.length);
    const isPreface = head.compare(PREFACE, 0, compared, 0, compared) === 0;
    if (isPreface && compared < PREFACE.length) return;
    socket.off("data", onData).off("end", onEnd).pause();
    socket.unshift(head);
    decide(isPreface ? "http2" : "http1");
  };
  const onEnd = (): void => void socket.destroy();
  socket.on("data", onData).on("end", onEnd);
}
