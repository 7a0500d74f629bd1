// SPDX-License-Identifier: Apache-2.0

import { number } from "../../base/mod.ts";

import { DAY_MS, MINUTE_MS } from "./bounds.ts";

/** Forwards and side effects, which follow from answers of the user function. */
export const EFFECT_SETTINGS = {
  maxForwardDepth: number(
    "max-forward-depth",
    "PERDURE_MAX_FORWARD_DEPTH",
    16,
    "links",
    [1, 1_000],
    "Forwards and side effects that may follow each other from one command; then `CHAIN_TOO_LONG`.",
  ),
  maxDescendants: number(
    "max-descendants",
    "PERDURE_MAX_DESCENDANTS",
    1_000,
    "commands",
    [1, 1_000_000],
    "Forwards and side effects that may follow from one command of a caller, all together; then `TOO_MANY_DESCENDANTS`. Those of one command share equally what is left.",
  ),
  maxOpenEffects: number(
    "max-open-effects",
    "PERDURE_MAX_OPEN_EFFECTS",
    1_000,
    "effects",
    [1, 1_000_000],
    "Asynchronous side effects under way; a command with further ones waits.",
  ),
  maxEffectTries: number(
    "max-effect-tries",
    "PERDURE_MAX_EFFECT_TRIES",
    6,
    "times",
    [1, 1_000],
    "How often a side effect of an entity is tried whose target cannot be asked; then it is left for later.",
  ),
  maxUndoneEffects: number(
    "max-undone-effects",
    "PERDURE_MAX_UNDONE_EFFECTS",
    1_000,
    "effects",
    [1, 100_000],
    "Side effects of one entity that are not done yet; a command that asks for more is refused with `TOO_MANY_EFFECTS`.",
  ),
  effectMarkDelayMs: number(
    "effect-mark-delay",
    "PERDURE_EFFECT_MARK_DELAY_MS",
    1_000,
    "ms",
    [1, DAY_MS],
    "How long an entity is idle before it stores which of its side effects are done, if no record has said so.",
  ),
  effectSweepIntervalMs: number(
    "effect-sweep-interval",
    "PERDURE_EFFECT_SWEEP_INTERVAL_MS",
    10 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "From one look for undone side effects in the log to the next; the first comes when the user function is found.",
  ),
  effectSweepRate: number(
    "effect-sweep-rate",
    "PERDURE_EFFECT_SWEEP_RATE",
    20_000,
    "records/s",
    [1, 10_000_000],
    "Records that such a look reads in a second.",
  ),
  maxEffectWakes: number(
    "max-effect-wakes",
    "PERDURE_MAX_EFFECT_WAKES",
    16,
    "entities",
    [1, 10_000],
    "Entities with undone side effects that it brings into memory at the same time.",
  ),
  maxUndoneEntities: number(
    "max-undone-entities",
    "PERDURE_MAX_UNDONE_ENTITIES",
    10_000,
    "entities",
    [1, 10_000_000],
    "Entities with undone side effects in one partition of the log beyond which it reads no further.",
  ),
} as const;
