// SPDX-License-Identifier: Apache-2.0

import type { Commit } from "../protocol/mod.ts";

/** The fields of a record that concern side effects. */
export type EffectFields = Pick<Commit, "sideEffects" | "firstEffect" | "effectsDone" | "lineage">;

/** Those of a record without side effects that marks none as done. */
export const NO_EFFECT_FIELDS: EffectFields = { sideEffects: [], firstEffect: 0n, effectsDone: 0n };
