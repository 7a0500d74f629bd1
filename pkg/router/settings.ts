// SPDX-License-Identifier: Apache-2.0

import { boolean, number } from "../settings/mod.ts";

import { LINEAGE_SETTINGS } from "../entity/settings.ts";

/** Which entity ids are accepted. */
export const ENTITY_ID_SETTINGS = {
  maxEntityIdLength: number(
    "max-entity-id-length",
    "PERDURE_MAX_ENTITY_ID_LENGTH",
    1_024,
    "characters",
    [1, 65_536],
    "Longest entity id.",
  ),
  strictEntityKeys: boolean(
    "strict-entity-keys",
    "PERDURE_STRICT_ENTITY_KEYS",
    false,
    "Refuse a command whose entity key has several fields and a text with a `-` among them, with `ENTITY_KEY_AMBIGUOUS`: joined by `-`, two such keys may name one entity.",
  ),
} as const;

/** Every setting of this layer. */
export const ROUTER_SETTINGS = {
  ...ENTITY_ID_SETTINGS,
  /** Shared with `pkg/entity`. */
  ...LINEAGE_SETTINGS,
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
    "How often a side effect of an entity is tried while its target cannot be asked; then the next sweep tries it again.",
  ),
} as const;
