// SPDX-License-Identifier: Apache-2.0

/** Commands with an idempotency key: what is kept of the first, and what a repeat gets (I7). */

import { createHash } from "node:crypto";

import type { StatusError } from "../../grpc/mod.ts";
import { isErrorStatus, Status } from "../../grpc/mod.ts";
import type { Failure, KeptReply, LineageMessage, RefusalMessage } from "../../protocol/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import { refusal } from "../failure.ts";
import type { Lineage } from "../lineage.ts";
import { lineageMessage } from "../lineage.ts";
import { entityError } from "./entity-error.ts";
import type { KeptReplies } from "./kept-replies.ts";
import type { Answer, GivenAction } from "./verdict.ts";
import { outcomeOf } from "./verdict.ts";

/** How many bytes of a command's SHA-256 are kept: enough that no two commands collide by chance. */
const HASH_BYTES = 16;

/** What is kept of a command and its answer; undefined if it has no key. @param lineage of the forward, if any. */
export function keptReplyOf(
  command: EntityCommand,
  action: GivenAction,
  lineage?: Lineage,
): KeptReply | undefined {
  const { idempotencyKey: key } = command.call;
  if (key === undefined) return undefined;
  return {
    $typeName: "perdure.log.v1.KeptReply",
    key,
    commandHash: hashOf(command),
    ...(action?.case === "reply" && { reply: action.value }),
    ...(action?.case === "forward" && { forward: action.value }),
    ...(action?.case === "forward" && lineage !== undefined && { lineage: lineageMessage(lineage) }),
    ...(action?.case === "failure" && { refusal: refusalMessage(action.value) }),
  };
}

/** The first answer to a command that was carried out before; undefined if it is to be carried out now. */
export function answerToRepeat(kept: KeptReplies | undefined, command: EntityCommand): Answer | undefined {
  const key = command.call.idempotencyKey;
  if (kept === undefined || key === undefined) return undefined;
  const found = kept.find(key);
  if (found === undefined) return undefined;
  if (!hashOf(command).equals(found.commandHash)) {
    const text =
      "the idempotency key was used before, for a command with another method or payload; " +
      "give each command a key of its own";
    return { ok: false, error: entityError(Status.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", text) };
  }
  const { reply, forward, lineage, refusal: refused } = found;
  if (refused !== undefined) return { ok: false, error: refusalOf(refused) };
  const outcome = outcomeOf(actionIn(reply, forward), true);
  if (outcome.kind !== "forward" || lineage === undefined) return { ok: true, outcome };
  return { ok: true, outcome: { ...outcome, lineage: repeated(lineage, command.lineage) } };
}

/**
 * The lineage of a forward that is repeated. It has the stored budget and no fresh one, because the commands that
 * followed from the first forward may have spent it. A repeat with a greater depth or a smaller budget of its own
 * keeps these.
 */
function repeated({ origin, depth, budget }: LineageMessage, now: Lineage): Lineage {
  return { origin, depth: Math.max(depth, now.depth + 1), budget: Math.min(budget, now.budget) };
}

function refusalMessage({ grpcStatus, description }: Failure): RefusalMessage {
  return { $typeName: "perdure.log.v1.Refusal", grpcStatus, description };
}

function refusalOf({ grpcStatus, description }: RefusalMessage): StatusError {
  return refusal(isErrorStatus(grpcStatus) ? grpcStatus : Status.UNKNOWN, description);
}

function actionIn(reply: KeptReply["reply"], forward: KeptReply["forward"]): GivenAction {
  if (reply !== undefined) return { case: "reply", value: reply };
  return forward === undefined ? undefined : { case: "forward", value: forward };
}

function hashOf({ method, payload }: EntityCommand): Buffer {
  const hash = createHash("sha256").update(methodName(method)).update("\0").update(payload);
  return hash.digest().subarray(0, HASH_BYTES);
}
