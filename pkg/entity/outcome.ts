// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import type { Metadata } from "../protocol/mod.ts";

import type { Lineage } from "./lineage.ts";

/**
 * What a user function answered, of whichever kind of service it is. What had to be stored is stored: nothing holds the
 * answer or its effects back (I1).
 */
export type Outcome = ReplyOutcome | ForwardOutcome | FailureOutcome | NoReplyOutcome;

interface WithEffects {
  /** To be carried out before the answer, in this order. */
  readonly effects: readonly SideEffect[];
  /** That of the effects and of the forward, where an entity has it on record. */
  readonly lineage?: Lineage;
}

export interface ReplyOutcome extends WithEffects {
  readonly kind: "reply";
  /** As the user function named it. */
  readonly typeUrl: string;
  /** The serialized output message. */
  readonly payload: Uint8Array;
  readonly metadata: Metadata;
}

/** Another command's answer takes the place of this one's. */
export interface ForwardOutcome extends WithEffects {
  readonly kind: "forward";
  readonly call: Call;
}

export interface FailureOutcome extends WithEffects {
  readonly kind: "failure";
  /** What the caller is told. */
  readonly error: StatusError;
}

/** Nothing is answered to this message. */
export interface NoReplyOutcome extends WithEffects {
  readonly kind: "nothing";
}

/** A command that a user function asks for. Its target may not exist. */
export interface Call {
  readonly serviceName: string;
  readonly commandName: string;
  readonly typeUrl: string;
  /** The serialized input message. */
  readonly payload: Uint8Array;
  readonly metadata: Metadata;
}

export interface SideEffect extends Call {
  /** Whether the answer waits until this has been carried out. */
  readonly synchronous: boolean;
  /** With one, the effect happens once however often it is carried out (I7). */
  readonly idempotencyKey: string | undefined;
  /** Of an effect that is on record. */
  readonly lineage: Lineage | undefined;
  /**
   * Of an effect that is on record: called once, when it is done, since its target has answered, or given up for now,
   * since it could not be asked. Such an effect is tried several times.
   */
  readonly onEnd: ((isDone: boolean) => void) | undefined;
}

/** Shared by every outcome that has none. */
export const NO_EFFECTS: readonly SideEffect[] = [];
