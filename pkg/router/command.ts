// SPDX-License-Identifier: Apache-2.0

import type { EntityMethod } from "../userfunction/mod.ts";

/** A call from outside, whatever protocol brought it. */
export interface Command {
  readonly method: EntityMethod;
  /** The serialized input message. Never decoded further than the entity key. */
  readonly payload: Uint8Array;
  /** When the caller stops waiting, in monotonic milliseconds of the proxy's clock. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. Costs nothing if it is never called. */
  readonly onCancel: (listener: () => void) => void;
}

export interface CommandReply {
  /** The serialized output message. */
  readonly payload: Uint8Array;
}

/**
 * Carries a command out and gives its reply.
 *
 * @throws StatusError, and nothing else.
 */
export type Dispatch = (command: Command) => Promise<CommandReply>;
