// SPDX-License-Identifier: Apache-2.0

import { Account } from "../base/mod.ts";
import type { Charge, Holder } from "../base/mod.ts";

/** One connection, in the accounts. */
export interface PeerConnection {
  /** Of the bytes, the part of this connection. */
  readonly bytes: Holder;
  /** Gives back what the connection itself took. */
  close(): void;
}

interface Peer {
  readonly connections: Holder;
  readonly bytes: Holder;
  open: number;
}

/**
 * The addresses that are connected, and what each holds: connections, and bytes of requests and answers.
 *
 * 1. Both are bounded over all (I11). What one address has is at most half of each, and of the bytes that an address has,
 *    one of its connections has at most half. So a newcomer finds room beside an address that takes all it can.
 * 2. An address without a connection costs nothing.
 */
export class Peers {
  readonly #connections: Account;
  readonly #bytes: Account;
  readonly #peers = new Map<string, Peer>();

  constructor(maxConnections: number, maxBytes: number) {
    this.#connections = new Account(maxConnections);
    this.#bytes = new Account(maxBytes);
  }

  get connections(): number {
    return this.#connections.used;
  }

  get bytes(): number {
    return this.#bytes.used;
  }

  /** Undefined if this address may have no more connections. */
  connect(address: string): PeerConnection | undefined {
    const peer = this.#peers.get(address) ?? {
      connections: this.#connections.holder(),
      bytes: this.#bytes.holder(),
      open: 0,
    };
    const charge: Charge = peer.connections.charge();
    if (!charge.take(1)) return undefined;
    this.#peers.set(address, peer);
    peer.open += 1;
    return {
      bytes: peer.bytes.holder(),
      close: () => {
        if (charge.held === 0) return;
        charge.close();
        peer.open -= 1;
        if (peer.open === 0) this.#peers.delete(address);
      },
    };
  }
}
