// SPDX-License-Identifier: Apache-2.0

import type { Socket } from "node:net";

import type { Clock, Group, Holder } from "../base/mod.ts";
import { Account } from "../base/mod.ts";
import type { Caller, CallerAccounts } from "../grpc/mod.ts";
import { newCaller, SmallPieces } from "../grpc/mod.ts";

import { WastedRequests } from "./wasted-requests.ts";

/** One connection to the port. */
interface Connection {
  readonly socket: Socket;
  readonly caller: Caller;
  readonly address: Address;
}

/** All connections of one peer address, oldest first. */
interface Address {
  readonly places: Holder;
  readonly requests: Group;
  /** Those that have not made a request. */
  readonly unused: Set<Connection>;
  /** The others; one that was found busy is moved to the end. */
  readonly used: Set<Connection>;
}

/** How many connections are checked for an idle one before a new connection is refused. */
const MAX_LOOKED_AT = 64;

/**
 * The connections of a port, and each connection's share of the accounts.
 *
 * 1. There are at most `max` connections, and one address has a fair share of them (`Account`), so that a flood from
 *    one address leaves room for others.
 * 2. If there is no place for a new connection, a connection without an open request is closed: one of the same
 *    address if that has any, because it has used up its share; else one of the address that has most. A connection
 *    that never made a request is closed first, then the one that has been idle longest, as far as `MAX_LOOKED_AT`
 *    checks show.
 * 3. An address that gives up too many requests gets few streams on its new connections for a while (`WastedRequests`).
 * 4. Each connection has its own small pieces (`SmallPieces`).
 * 5. Open requests are shared among addresses, and within an address among its connections; bytes among connections.
 *    A connection may always have a little of both, its floors (`callerAccounts`).
 */
export class Callers {
  readonly #accounts: CallerAccounts;
  readonly #places: Account;
  readonly #addresses = new Map<string, Address>();
  readonly #connections = new Map<Socket, Connection>();
  readonly #wasted: WastedRequests;
  readonly #maxSmallPieces: number;
  readonly #clock: Clock;

  constructor(accounts: CallerAccounts, max: number, maxSmallPieces: number, clock: Clock) {
    this.#wasted = new WastedRequests(clock);
    this.#maxSmallPieces = maxSmallPieces;
    this.#clock = clock;
    this.#accounts = accounts;
    this.#places = new Account(max);
  }

  /** All open connections, each with its share of the accounts. */
  get all(): Iterable<readonly [Socket, Caller]> {
    return this.#connections.values().map(({ socket, caller }) => [socket, caller] as const);
  }

  /** How many connections are open, and from how many peer addresses. */
  get counts(): { readonly open: number; readonly addresses: number } {
    return { open: this.size, addresses: this.#addresses.size };
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Takes a new connection, unless there is no place for it. */
  admit(socket: Socket): Caller | undefined {
    const name = socket.remoteAddress ?? "";
    const address = this.#addresses.get(name) ?? this.#newAddress();
    if (!address.places.take(1)) {
      this.#makeRoom(address);
      if (!address.places.take(1)) return undefined;
    }
    this.#addresses.set(name, address);
    const pieces = new SmallPieces(this.#maxSmallPieces, this.#clock);
    const caller = newCaller(this.#accounts, address.requests, () => this.#wasted.add(name), pieces);
    const connection = { socket, caller, address };
    address.unused.add(connection);
    this.#connections.set(socket, connection);
    socket.once("close", () => {
      this.#release(connection);
      if (address.places.used === 0) this.#addresses.delete(name);
    });
    return caller;
  }

  /** The caller of a connection. */
  of(socket: Socket): Caller {
    // A connection that was closed in the meantime has no share any more: `take` refuses its remaining requests.
    return this.#connections.get(socket)?.caller ?? newCaller({ ...this.#accounts, requests: NOTHING });
  }

  /** Whether the connection gets few streams (3). */
  isCurbed(socket: Socket): boolean {
    return this.#wasted.isOver(socket.remoteAddress ?? "");
  }

  /** The connection has made a request. */
  use(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.address.unused.delete(connection) === true) connection.address.used.add(connection);
  }

  #newAddress(): Address {
    const places = this.#places.holder();
    const requests = this.#accounts.requests.group();
    return { places, requests, unused: new Set(), used: new Set() };
  }

  #makeRoom(newcomer: Address): void {
    const from = newcomer.places.used > 0 ? newcomer : this.#largest();
    const idle = from === undefined ? undefined : longestIdle(from);
    if (idle === undefined) return;
    this.#release(idle);
    idle.socket.destroy();
  }

  #largest(): Address | undefined {
    let largest: Address | undefined;
    for (const address of this.#addresses.values())
      if (address.places.used > (largest?.places.used ?? 0)) largest = address;
    return largest;
  }

  #release(connection: Connection): void {
    if (!this.#connections.delete(connection.socket)) return;
    const { address } = connection;
    address.unused.delete(connection);
    address.used.delete(connection);
    address.places.give(1);
  }
}

const NOTHING = new Account(0);

function longestIdle({ unused, used }: Address): Connection | undefined {
  for (const connection of unused) return connection;
  let looked = 0;
  for (const connection of used) {
    const { requests, reserve } = connection.caller;
    if (requests.used === 0 && reserve.used === 0) return connection;
    used.delete(connection);
    used.add(connection);
    if (++looked === MAX_LOOKED_AT) return undefined;
  }
  return undefined;
}
