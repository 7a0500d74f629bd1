// SPDX-License-Identifier: Apache-2.0
// What the benchmark's processes say to each other over Node's own channel between parent and child.

/** `h2` is a bare HTTP/2 exchange; `grpc` minds the status in the trailers as well. */
export type Protocol = "grpc" | "http" | "h2";

export type LoadCall = "addItem" | "getCart";

/** What the loader is to do: callers, each with one request at a time, spread over the entities. */
export interface LoadJob {
  readonly port: number;
  readonly protocol: Protocol;
  readonly call: LoadCall;
  readonly callers: number;
  /** Number of the first entity, and how many follow it. No entity is called by two callers. */
  readonly firstEntity: number;
  readonly entities: number;
  readonly until:
    | { readonly kind: "time"; readonly warmUpMs: number; readonly measureMs: number }
    /** Each entity is called this often. */
    | { readonly kind: "calls"; readonly perEntity: number };
}

/** One job's outcome. Calls count if they began and ended while measuring. */
export interface Load {
  readonly calls: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
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
