// SPDX-License-Identifier: Apache-2.0

import type { Command, StreamedCommand } from "../entity/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

export interface CommandReply {
  /** The serialized output message. */
  readonly payload: Uint8Array;
  /** What the user function sent beside it, in order. */
  readonly metadata: Metadata;
  /** The command's span (`tracedDispatch`); undefined: its trace is not kept. */
  readonly trace?: TraceContext | undefined;
}

/** Carries commands out. */
export interface Dispatch {
  /** Carries out a command and gives its reply. @throws StatusError, and nothing else. */
  unary(command: Command): Promise<CommandReply>;
  /**
   * Carries out a streamed command. A reply is read from the user function only when it is pulled, except for a
   * bounded read-ahead. `return` of the iterator cancels the call to the user function, and so does the caller's
   * cancellation (`call.onCancel`). The iterator throws StatusError, and nothing else.
   */
  streamed(command: StreamedCommand): AsyncIterable<CommandReply>;
}
