// SPDX-License-Identifier: Apache-2.0

import type { CallContext, StreamEnd } from "../call/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";

/** A call from outside with one message in and one out, whatever protocol brought it. */
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
   * The serialized input messages; exactly one for server streaming. Nothing is taken from the caller before it is
   * asked for, but for a bounded read-ahead. Throws StatusError if the caller goes away or breaks the protocol.
   */
  readonly input: AsyncIterable<Uint8Array>;
  /** Called before the last reply's end, if the user function itself ends the stream well: not if it forwarded it. */
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
   * Carries out a streamed command. The user function is asked for no more replies than are pulled, but for a bounded
   * read-ahead. `return` of the iterator cancels towards the user function, as `call.onCancel` does. The iterator throws
   * StatusError, and nothing else.
   */
  streamed(command: StreamedCommand): AsyncIterable<CommandReply>;
}
