// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";

import type { Tools } from "../attack.ts";
import type { Target } from "../target.ts";
import { HOST } from "../target.ts";
import { onAbort } from "../wire/on-abort.ts";

/** Not 127.0.0.1, which is the API server's: one address has at most half of the connections. */
const FROM = "127.0.0.2";

/** One connection of an attack on the webhook, for as long as it lasts. */
export interface Sender {
  /**
   * Writes the bytes to the socket. If the peer does not read, it waits until the buffer has drained. Returns false
   * if the connection is gone.
   */
  send(bytes: Buffer | string): Promise<boolean>;
  /** Stops reading the answers. */
  stopReading(): void;
  /** Resolves when the connection is closed, also at the end of the attack. */
  readonly closed: Promise<void>;
}

/**
 * Opens a connection, with TLS unless it is to stay without a handshake.
 *
 * @returns undefined if it is refused, or if the attack is over before.
 */
export async function openSender(
  { port }: Target,
  { signal, tally }: Tools,
  isHandshaking: boolean,
): Promise<Sender | undefined> {
  if (signal.aborted) return undefined;
  tally.add("connections");
  const where = { host: HOST, port, localAddress: FROM };
  const socket: Socket = isHandshaking
    ? connectTls({ ...where, rejectUnauthorized: false, servername: "webhook.perdure-system.svc" })
    : connectTcp(where);
  const forget = onAbort(signal, () => socket.destroy());
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      forget();
      resolve();
    });
  });
  // Most connections are refused, and `close` follows the error.
  socket.on("error", () => undefined);
  const opened = new Promise<true>((resolve) => {
    socket.once(isHandshaking ? "secureConnect" : "connect", () => resolve(true));
  });
  if (!(await Promise.race([opened, closed.then(() => false)]))) return undefined;
  socket.on("data", (chunk: Buffer) => {
    for (const [, status] of chunk.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g))
      tally.add(`answered ${status}`);
  });
  return {
    closed,
    stopReading: () => void socket.pause(),
    async send(bytes) {
      if (socket.destroyed) return false;
      tally.add("bytes", bytes.length);
      if (socket.write(bytes)) return true;
      const drained = new Promise<true>((resolve) => void socket.once("drain", () => resolve(true)));
      return Promise.race([drained, closed.then(() => false)]);
    },
  };
}
