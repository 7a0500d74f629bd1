// SPDX-License-Identifier: Apache-2.0

/**
 * `h2` is a bare HTTP/2 exchange; `grpc` minds the status in the trailers as well. `nats` is a bare request to whoever
 * answers it at `echoSubject`.
 */
export type Protocol = "grpc" | "http" | "h2" | "nats";

/** Of the event sourced cart `addItem`, `getCart`; of the cart that is a value `addToValue`; of the action `find`. */
export type LoadCall = "addItem" | "getCart" | "addToValue" | "find";

/** A server that is called, and what of. */
export interface Entrance {
  readonly port: number;
  /** Numbers of the entities. None is called by two callers. */
  readonly entities: readonly number[];
}

/** Bytes of a bare request to NATS, and of its answer. */
export interface MessageSizes {
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** Requests of callers, each of whom has one call in flight at a time. */
export interface Job extends Entrance {
  /** Further servers. Each caller calls one of all of them: the first the first, the second the second, and so on. */
  readonly also?: readonly Entrance[];
  readonly protocol: Protocol;
  readonly call: LoadCall;
  /** With `nats`, which calls no entity. */
  readonly sizes?: MessageSizes;
  readonly callers: number;
  readonly until:
    | { readonly kind: "time"; readonly warmUpMs: number; readonly measureMs: number }
    /** Each entity is called this often. */
    | { readonly kind: "calls"; readonly perEntity: number };
}

/** A job's outcome. Calls count if they began and ended while measuring. */
export interface Load {
  readonly calls: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
  /** Those that were not measured as well. */
  readonly allCalls: number;
  /** The proxy's processor time for each of all calls, in microseconds. Undefined: it is not known. */
  readonly cpuUs?: number;
}

export type LoadAnswer = { readonly load: Load } | { readonly error: string };

/** The numbers from `first` on. */
export function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
