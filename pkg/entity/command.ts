// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import type { EntityMethod } from "../userfunction/mod.ts";

import type { ForwardOutcome, ReplyOutcome } from "./outcome.ts";

/** A command whose entity is known. */
export interface EntityCommand {
  readonly method: EntityMethod;
  readonly entityId: string;
  /** The serialized input message. */
  readonly payload: Uint8Array;
  /** With one, the command takes effect once however often it is sent (I7). */
  readonly idempotencyKey: string | undefined;
  /** When the caller stops waiting, in monotonic milliseconds of the proxy's clock. */
  readonly deadlineMs: number | undefined;
  readonly onCancel: (listener: () => void) => void;
}

/** A command on its way through an entity, and the caller who waits for it. Settled exactly once. */
export interface Delivery {
  readonly command: EntityCommand;
  /** Monotonic milliseconds. */
  readonly arrivedMs: number;
  /** The caller went away while the command was still waiting. */
  abandoned: boolean;
  /** How often another writer was faster than its append. */
  conflicts: number;
  readonly resolve: (reply: ReplyOutcome | ForwardOutcome) => void;
  readonly reject: (error: StatusError) => void;
}
