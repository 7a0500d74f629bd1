// SPDX-License-Identifier: Apache-2.0

/** The record of a command that the user function has answered, and the answer that leaves when it is stored (I1). */

import type { EntityEffects } from "../effects/entity-effects.ts";
import { NO_EFFECTS } from "../outcome.ts";
import { failed } from "./delivery.ts";
import type { NewRecord } from "./entity-journal.ts";
import type { Appending } from "./entity-steps.ts";
import { keptReplyOf } from "./repeat.ts";
import type { Answer } from "./verdict.ts";

export function recordOf({ delivery, commit, lineage }: Appending): NewRecord {
  const { change, effects, action } = commit;
  const answered = keptReplyOf(delivery.command, action, lineage);
  return { change, effects, lineage, answered, trace: delivery.command.call.trace };
}

/** The answer, with its side effects from number `firstEffect` on. Call it once, when the record is stored. */
export function answerOf(
  { commit, lineage }: Appending,
  effects: EntityEffects,
  firstEffect: number,
): Answer {
  const { outcome } = commit;
  if (outcome.kind === "failure") return failed(outcome.error);
  if (lineage === undefined) return { ok: true, outcome };
  const begun = commit.effects.length > 0 ? effects.begin(firstEffect) : NO_EFFECTS;
  return { ok: true, outcome: { ...outcome, lineage, effects: begun } };
}
