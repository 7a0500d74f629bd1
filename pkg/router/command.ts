// SPDX-License-Identifier: Apache-2.0

import type { CallContext, StreamEnd } from "../call/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";

/** A call from outside with one message in and one out, over any protocol. */
export interface Command {
  /** A unary method of any kind of service. */
  readonly method: ServedMethod;
  /** The serialized input message. Never decoded further than the entity key. */
  readonly payload: Uint8Array;
  readonly call: CallContext;
}

export interface CommandReply {
  /** The serialized output message. */
  readonly payload: Uint8Array;
  /** What the user function sent beside it, in order. */
  readonly metadata: Metadata;
}

/** A call from outside with a stream in either direction, or both. */
export interface StreamedCommand {
  /** A method that is not unary, so one of an action. */
  readonly method: ServedMethod;
  readonly call: CallContext;
  /**
   * The serialized input messages; exactly one for server streaming. A message is read from the caller only when it
   * is asked for, except for a bounded read-ahead.
   *
   * @throws StatusError if the caller goes away or breaks the protocol.
   */
  readonly input: AsyncIterable<Uint8Array>;
  /**
   * Called before the replies end, if the user function ends the stream of this method with status OK. The end of a
   * stream that the call was forwarded to does not count.
   */
  readonly onEnd?: (end: StreamEnd) => void;
}

/** Carries commands out. */
export interface Dispatch {
  /**
   * Carries out a command and gives its reply.
   *
   * @throws StatusError, and nothing else.
   */
  unary(command: Command): Promise<CommandReply>;
  /**
   * Carries out a streamed command. A reply is read from the user function only when it is pulled, except for a
   * bounded read-ahead. `return` of the iterator cancels the call to the user function, and so does the caller's
   * cancellation (`call.onCancel`). The iterator throws StatusError, and nothing else.
   */
  streamed(command: StreamedCommand): AsyncIterable<CommandReply>;
}
