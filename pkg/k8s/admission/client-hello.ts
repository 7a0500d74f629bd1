// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

/** Type of a record with a part of the handshake (RFC 8446, 5.1). */
const HANDSHAKE = 22;
/** Type, version and length of a record. */
const RECORD_HEAD_BYTES = 5;
/** Type and length of a message of the handshake (RFC 8446, 4). */
const MESSAGE_HEAD_BYTES = 4;

/** Longer than any that a client sends, which are up to 2 KiB. */
const MAX_BYTES = 8_192;

/**
 * Calls `ready` once, when a socket has a whole ClientHello, or something that cannot become one. All that came is put
 * back for TLS to read. It is not called if the peer ends before that.
 *
 * To answer a ClientHello takes milliseconds, in which nothing else is done. Whoever wants to choose when that happens
 * must not give TLS a part of it, because TLS answers as soon as it has the rest.
 */
export function onceClientHello(socket: Socket, ready: () => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length < MAX_BYTES && isBegunHello(bytes)) return;
    socket.off("readable", onReadable);
    socket.unshift(bytes);
    ready();
  };
  socket.on("readable", onReadable);
}

/** Whether these bytes are the beginning of a ClientHello whose rest has not come. It may be in several records. */
function isBegunHello(bytes: Buffer): boolean {
  const head: number[] = [];
  let length = 0;
  for (let at = 0; ; ) {
    if (at === bytes.length) return true;
    if (bytes[at] !== HANDSHAKE) return false;
    if (bytes.length < at + RECORD_HEAD_BYTES) return true;
    const start = at + RECORD_HEAD_BYTES;
    const end = start + bytes.readUInt16BE(at + 3);
    if (end === start) return false;
    if (bytes.length < end) return true;
    for (let i = start; i < end && head.length < MESSAGE_HEAD_BYTES; i++) head.push(bytes[i] as number);
    length += end - start;
    const [, high = 0, middle = 0, low = 0] = head;
    const whole = MESSAGE_HEAD_BYTES + ((high << 16) | (middle << 8) | low);
    if (head.length === MESSAGE_HEAD_BYTES && length >= whole) return false;
    at = end;
  }
}
