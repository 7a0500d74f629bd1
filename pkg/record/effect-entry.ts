// SPDX-License-Identifier: Apache-2.0

import type { Commit } from "../protocol/mod.ts";

/** The fields of a record that concern side effects. */
export type EffectEntry = Pick<Commit, "sideEffects" | "firstEffect" | "effectsDone" | "lineage">;

/** The entry of a record without side effects, which marks none as done. */
export const NO_EFFECT_NEWS: EffectEntry = { sideEffects: [], firstEffect: 0n, effectsDone: 0n };
