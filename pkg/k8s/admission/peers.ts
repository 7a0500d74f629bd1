// SPDX-License-Identifier: Apache-2.0

import type { Charge, Group, Holder } from "../../base/mod.ts";
import { Account } from "../../base/mod.ts";

/** The part that one connection has in the accounts. */
export interface PeerConnection {
  /** Counts the bytes of this connection. */
  readonly bytes: Holder;
  /** Gives back the connection's place among the connections. */
  close(): void;
}

interface Peer {
  readonly connections: Holder;
  readonly bytes: Group;
  open: number;
}

/**
 * The addresses that are connected, and what each holds: connections, and bytes of requests and answers.
 *
 * 1. The total of each is bounded (I11). One address has at most half of each total, and one connection has at most
 *    half of the bytes of its address. So a newcomer finds room beside an address that takes all it can.
 * 2. An address without a connection is forgotten, so that it costs nothing.
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
      bytes: this.#bytes.group(),
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
