// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

import type { Lineage } from "./lineage.ts";

/**
 * What a user function answered, for any kind of service. The log has acknowledged all that had to be stored, so the
 * answer and its effects may leave the proxy (I1).
 */
export type Outcome = ReplyOutcome | ForwardOutcome | FailureOutcome | NoReplyOutcome;

interface WithEffects {
  /** To be carried out, or started if asynchronous, before the answer is given, in this order. */
  readonly effects: readonly SideEffect[];
  /** The command has changed its entity, or has side effects on record: to carry it out again would double them. */
  readonly hasStored?: boolean;
  /** The lineage of the effects and of the forward, if an entity has stored it. */
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
  /** The error that the caller gets. */
  readonly error: StatusError;
}

/** The user function answered without a reply. */
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
  /** Only of an effect that is stored in a record. */
  readonly lineage: Lineage | undefined;
  /** The span that stored it; only of an effect that is stored in a record, if its trace is kept. */
  readonly trace: TraceContext | undefined;
  /**
   * Only of an effect that is stored in a record; such an effect is tried several times. Called once: with true when
   * its target has answered, or with false when it is given up for now because its target could not be asked.
   */
  readonly onEnd: ((isDone: boolean) => void) | undefined;
}

/** Shared by every outcome that has none. */
export const NO_EFFECTS: readonly SideEffect[] = [];
