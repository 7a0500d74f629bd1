// SPDX-License-Identifier: Apache-2.0

import type { CallContext, StreamEnd } from "../call/mod.ts";
import type { EntityMethod, ServedMethod } from "../userfunction/mod.ts";

import type { Lineage } from "./lineage.ts";

/** A call with one message in and one out, over any protocol. */
export interface Command {
  /** A unary method of any kind of service. */
  readonly method: ServedMethod;
  /** The serialized input message. Never decoded further than the entity key. */
  readonly payload: Uint8Array;
  readonly call: CallContext;
}

/** A command whose entity is known. */
export interface EntityCommand extends Command {
  readonly method: EntityMethod;
  readonly entityId: string;
  /** The shard of the entity (`shardOf`). */
  readonly shard: number;
  /** How many commands led here from a caller's command, and how many may still follow. */
  readonly lineage: Lineage;
  /** The size of the answer is charged to its `bytes` before anything is stored. */
  readonly call: CallContext;
}

/** A call with a stream in either direction, or both. */
export interface StreamedCommand {
  /** A method that is not unary, so one of an action. */
  readonly method: ServedMethod;
  /** Answers that wait for the caller are charged to its `bytes`. */
  readonly call: CallContext;
  /**
   * The serialized input messages; exactly one for server streaming. A message is read from the caller only when it
   * is asked for, except for a bounded read-ahead.
   *
   * @throws StatusError if the caller goes away or breaks the protocol.
   */
  readonly input: AsyncIterable<Uint8Array>;
  /**
   * Called once, before the replies end, if the user function ends the stream of this method with status OK. The end
   * of a stream that the call was forwarded to does not count.
   */
  readonly onEnd?: (end: StreamEnd) => void;
}
