// SPDX-License-Identifier: Apache-2.0

import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Where the webhook listens. It goes to loopback addresses only. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Address that the attack comes from; the system chooses if there is none. */
  readonly from?: string | undefined;
}

/** What an attack did, and what it met. */
export interface Tally {
  /** Connections that were begun. */
  connections: number;
  /** Bytes that were handed to the system. */
  bytes: number;
  /** Answers by their HTTP status. */
  readonly statuses: Map<number, number>;
}

/** One connection of an attack, for as long as it lasts. */
export interface Sender {
  /** Hands so much to the system, and waits while the other side does not read. False if the connection is gone. */
  send(bytes: Buffer | string): Promise<boolean>;
  /** Does not read what is answered. */
  stopReading(): void;
  readonly closed: Promise<void>;
  close(): void;
}

/**
 * Opens a connection, with TLS unless it is to stay without a handshake.
 *
 * @returns undefined if it does not come to be before it is refused, or before `stopped`.
 */
export async function openSender(
  target: Target,
  tally: Tally,
  isHandshaking: boolean,
  stopped: Promise<void>,
): Promise<Sender | undefined> {
  assertLoopback(target.host);
  tally.connections += 1;
  const { host, port, from } = target;
  const where = { host, port, ...(from !== undefined && { localAddress: from }) };
  const socket: Socket = isHandshaking
    ? connectTls({ ...where, rejectUnauthorized: false, servername: "webhook.perdure-system.svc" })
    : connectTcp(where);
  const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
  // A refusal is what most of them meet, and `close` follows it.
  socket.on("error", () => undefined);
  const isOpen = await Promise.race([
    new Promise<true>((resolve) => {
      socket.once(isHandshaking ? "secureConnect" : "connect", () => resolve(true));
    }),
    closed.then(() => false),
    stopped.then(() => false),
  ]);
  if (!isOpen) {
    socket.destroy();
    return undefined;
  }
  socket.on("data", (chunk: Buffer) => {
    for (const [, status] of chunk.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      tally.statuses.set(Number(status), (tally.statuses.get(Number(status)) ?? 0) + 1);
    }
  });
  return {
    closed,
    close: () => void socket.destroy(),
    stopReading: () => void socket.pause(),
    async send(bytes) {
      if (socket.destroyed) return false;
      tally.bytes += bytes.length;
      if (socket.write(bytes)) return true;
      const drained = new Promise<true>((resolve) => void socket.once("drain", () => resolve(true)));
      return Promise.race([drained, closed.then(() => false)]);
    },
  };
}

function assertLoopback(host: string): void {
  if (!/^127\.\d+\.\d+\.\d+$/.test(host)) throw new Error(`${host} is no loopback address`);
}
