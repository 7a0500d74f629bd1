// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

/**
 * The open connections of the admin port. The kubelet must get a connection even while another caller opens as many
 * as it can.
 *
 * 1. At most `max` connections are open (I11).
 * 2. Beyond that, a new connection replaces an idle one, which is one without an open request: of the peer address
 *    with the most idle connections, the one that has been idle longest. So a caller with few connections keeps them,
 *    and a new connection has time to send its request until about `max` further ones have come.
 * 3. A connection with an open request is never closed for a new one. If all have an open request, the new one is
 *    refused.
 */
export class AdminConnections {
  readonly #max: number;
  /** Idle connections by peer address. A `Set` keeps its order, so the first one has been idle longest. */
  readonly #idle = new Map<string, Set<Socket>>();
  /** How many requests are open on each connection, and how many have begun. */
  readonly #open = new Map<Socket, { readonly peer: string; requests: number; begun: number }>();

  constructor(max: number) {
    this.#max = max;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Takes a new connection, or destroys it (3). */
  add(socket: Socket): void {
    if (this.#open.size >= this.#max) {
      const evicted = this.#longestIdle();
      if (evicted === undefined) {
        socket.destroy();
        return;
      }
      this.#forget(evicted);
      evicted.destroy();
    }
    const peer = socket.remoteAddress ?? "";
    this.#open.set(socket, { peer, requests: 0, begun: 0 });
    this.#rest(peer, socket);
    socket.once("close", () => this.#forget(socket));
  }

  /** Counts a request that begins on the connection. Returns its number on this connection, from 1. */
  begin(socket: Socket): number {
    const entry = this.#open.get(socket);
    if (entry === undefined) return 1;
    entry.requests++;
    this.#wake(entry.peer, socket);
    return ++entry.begun;
  }

  /** A request on the connection is over. */
  end(socket: Socket): void {
    const entry = this.#open.get(socket);
    if (entry !== undefined && --entry.requests === 0) this.#rest(entry.peer, socket);
  }

  #longestIdle(): Socket | undefined {
    let most: Set<Socket> | undefined;
    for (const sockets of this.#idle.values()) if (sockets.size > (most?.size ?? 0)) most = sockets;
    return most?.values().next().value;
  }

  #rest(peer: string, socket: Socket): void {
    const sockets = this.#idle.get(peer);
    if (sockets === undefined) this.#idle.set(peer, new Set([socket]));
    else sockets.add(socket);
  }

  #wake(peer: string, socket: Socket): void {
    const sockets = this.#idle.get(peer);
    sockets?.delete(socket);
    if (sockets?.size === 0) this.#idle.delete(peer);
  }

  #forget(socket: Socket): void {
    const entry = this.#open.get(socket);
    if (entry === undefined) return;
    this.#open.delete(socket);
    this.#wake(entry.peer, socket);
  }
}
