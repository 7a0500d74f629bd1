// SPDX-License-Identifier: Apache-2.0
// What the benchmark's processes say to each other over Node's own channel between parent and child.

/** What callers are to do, each with one call at a time. */
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

/** Of the event sourced cart: `addItem`, `getCart`; of the cart that is a value: `addToValue`, `getValue`; of the action: `find`. */
export type LoadCall = "addItem" | "getCart" | "addToValue" | "getValue" | "find";

/** A job of the loader: requests. */
export interface LoadJob extends Job {
  readonly port: number;
  readonly protocol: Protocol;
  readonly call: LoadCall;
}

/** By the library's own means, or by the event log's. */
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

/** The user function says where it can be reached: by a proxy, and by plain unary calls. */
export interface UserFunctionReady {
  readonly entityPort: number;
  readonly directPort: number;
}

export interface EchoReady {
  readonly port: number;
}
