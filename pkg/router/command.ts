// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { StreamEnd } from "../entity/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";

/** A call from outside with one message in and one out, whatever protocol brought it. */
export interface Command {
  /** A unary method of any kind of service. */
  readonly method: ServedMethod;
  /** The serialized input message. Never decoded further than the entity key. */
  readonly payload: Uint8Array;
  /** What the caller sent beside it, in order. Given to actions only, as Cloudstate does. */
  readonly metadata: Metadata;
  /** With one, the command takes effect once however often it is sent (I7). Not for actions, which keep nothing. */
  readonly idempotencyKey: string | undefined;
  /** When the caller stops waiting, in monotonic milliseconds of the proxy's clock. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. Costs nothing if it is never called. */
  readonly onCancel: (listener: () => void) => void;
  /** What it holds of its caller's memory. The command's bytes are in it; what is answered is taken from it. */
  readonly bytes: Charge;
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
  readonly metadata: Metadata;
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. */
  readonly onCancel: (listener: () => void) => void;
  /** What it holds of its caller's memory; replies that wait are taken from it. */
  readonly bytes: Charge;
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
   * read-ahead. `return` of the iterator cancels towards the user function, as `onCancel` does. The iterator throws
   * StatusError, and nothing else.
   */
  streamed(command: StreamedCommand): AsyncIterable<CommandReply>;
}
