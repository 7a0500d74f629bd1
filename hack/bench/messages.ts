// SPDX-License-Identifier: Apache-2.0
// What the benchmark's processes say to each other over Node's own channel between parent and child.

/** A job for callers. Each caller has one call in flight at a time. */
export interface Job {
  readonly callers: number;
  /** Numbers of the entities. None is called by two callers. */
  readonly entities: readonly number[];
  readonly until:
    | { readonly kind: "time"; readonly warmUpMs: number; readonly measureMs: number }
    /** Each entity is called this often. */
    | { readonly kind: "calls"; readonly perEntity: number };
}

/** The numbers from `first` on. */
export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** `h2` is a bare HTTP/2 exchange; `grpc` minds the status in the trailers as well. */
export type Protocol = "grpc" | "http" | "h2";

/**
 * The call: of the event sourced cart `addItem`, `getCart`; of the cart that is a value `addToValue`, `getValue`; of
 * the action `find`.
 */
export type LoadCall = "addItem" | "getCart" | "addToValue" | "getValue" | "find";

/** A job of the loader: requests. */
export interface LoadJob extends Job {
  readonly port: number;
  readonly protocol: Protocol;
  readonly call: LoadCall;
}

/** How records are published: with the library alone, or with the event log. */
export type PublisherName = "bare" | "own";

/** A job of a publisher: each call adds a record to an entity. */
export interface PublishJob extends Job {
  /** As `nats://HOST:PORT/PREFIX`. */
  readonly log: string;
}

/** One job's outcome. Calls count if they began and ended while measuring. */
export interface Load {
  readonly calls: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  /** Calls for each second that the calling process spent on a processor. */
  readonly perCpuSecond: number;
}

export type LoadAnswer = { readonly load: Load } | { readonly error: string };

/** The ports of the user function: one for a proxy, and one for plain unary calls. */
export interface UserFunctionReady {
  readonly entityPort: number;
  readonly directPort: number;
}

export interface EchoReady {
  readonly port: number;
}
