// SPDX-License-Identifier: Apache-2.0

/** Reads the messages that the answers of all kinds of services share, and gives outcomes. */

import type { ForwardMessage, ReplyMessage, SideEffectMessage } from "../protocol/mod.ts";
import { readMetadata } from "../protocol/mod.ts";

import type { Call, ForwardOutcome, NoReplyOutcome, ReplyOutcome, SideEffect } from "./outcome.ts";
import { NO_EFFECTS } from "./outcome.ts";

/** A reply without a payload counts as no reply. @param hasStored as in `Outcome` */
export function readReply(
  reply: ReplyMessage,
  effects: readonly SideEffect[],
  hasStored: boolean,
): ReplyOutcome | NoReplyOutcome {
  const { payload, metadata } = reply;
  if (payload === undefined) return { kind: "nothing", effects, hasStored };
  return {
    kind: "reply",
    typeUrl: payload.typeUrl,
    payload: payload.value,
    metadata: readMetadata(metadata),
    effects,
    hasStored,
  };
}

/** @param hasStored as in `Outcome` */
export function readForward(
  forward: ForwardMessage,
  effects: readonly SideEffect[],
  hasStored: boolean,
): ForwardOutcome {
  return { kind: "forward", call: readCall(forward), effects, hasStored };
}

/** Side effects that are not stored in a record: those of actions. */
export function readEffects(effects: readonly SideEffectMessage[]): readonly SideEffect[] {
  return effects.length === 0 ? NO_EFFECTS : effects.map((effect) => readEffect(effect, NOT_ON_RECORD));
}

/** @param recorded what its record adds; undefined values if it is not stored. */
export function readEffect(
  effect: SideEffectMessage,
  recorded: Pick<SideEffect, "idempotencyKey" | "lineage" | "trace" | "onEnd">,
): SideEffect {
  return { ...readCall(effect), synchronous: effect.synchronous, ...recorded };
}

const NOT_ON_RECORD = { idempotencyKey: undefined, lineage: undefined, trace: undefined, onEnd: undefined };

function readCall({ serviceName, commandName, payload, metadata }: ForwardMessage | SideEffectMessage): Call {
  return {
    serviceName,
    commandName,
    typeUrl: payload?.typeUrl ?? "",
    payload: payload?.value ?? EMPTY,
    metadata: readMetadata(metadata),
  };
}

const EMPTY = new Uint8Array(0);
