// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import type { Admission } from "../cluster/mod.ts";
import type { EntityCommand, Outcome, SideEffect } from "../entity/mod.ts";
import { mayHaveStored, NO_EFFECTS } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";

import { answerWithheld, toStatusError } from "./router-error.ts";
import { withCaller } from "./with-caller.ts";

/**
 * Carries out a command that has begun, and gives what came of it after that has passed the gate: the last thing before
 * any of it leaves. Undefined: it must not leave, and the command may begin again (`EntityServices`, 4 to 6).
 *
 * @param carryOutEffects carries out side effects that are on record, which needs no gate (ADR 29). They are those of
 *   an answer whose caller left while it waited.
 * @throws StatusError that of the entity, or `ANSWER_WITHHELD`.
 */
export async function throughGate(
  admission: Admission,
  { shard, call }: EntityCommand,
  carryOut: () => Promise<Outcome>,
  carryOutEffects: (effects: readonly SideEffect[]) => void,
  clock: Clock,
): Promise<Outcome | undefined> {
  try {
    const answer = await answerOf(carryOut);
    const asked = admission.pass();
    const pass = typeof asked === "string" ? asked : await withCaller(asked, call, clock);
    if (pass === "reply") {
      if (answer instanceof StatusError) throw answer;
      return answer;
    }
    const recorded = recordedEffects(answer);
    if (pass === "over") giveUp(recorded);
    else if (recorded.length > 0) carryOutEffects(recorded);
    const isSafe = call.idempotencyKey !== undefined || !mayHaveStored(answer);
    if (pass === "over" && isSafe) return undefined;
    throw answerWithheld(shard, pass, isSafe);
  } finally {
    admission.end();
  }
}

async function answerOf(carryOut: () => Promise<Outcome>): Promise<Outcome | StatusError> {
  try {
    return await carryOut();
  } catch (thrown) {
    return toStatusError(thrown);
  }
}

function recordedEffects(answer: Outcome | StatusError): readonly SideEffect[] {
  return answer instanceof StatusError
    ? NO_EFFECTS
    : answer.effects.filter(({ onEnd }) => onEnd !== undefined);
}

/** Whoever has the entity next carries them out. Here they are not under way any more. */
function giveUp(effects: readonly SideEffect[]): void {
  for (const { onEnd } of effects) onEnd?.(false);
}
