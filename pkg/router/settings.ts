// SPDX-License-Identifier: Apache-2.0

import { boolean, HOUR_MS, milliseconds, named, number } from "../settings/mod.ts";

import { LINEAGE_SETTINGS } from "../entity/settings.ts";

/** How much of a command is read for its key, and which entity ids are accepted. */
export const ENTITY_ID_SETTINGS = named({
  maxRequestFields: number(250_000, "fields", [1_000, 100_000_000], {
    help: "Fields of one message from a caller that the proxy steps through to find the entity key, or missing `required` fields; beyond it `REQUEST_TOO_MANY_FIELDS`. What it has no need to look into, such as a message inside, counts as one.",
  }),
  maxEntityIdLength: number(1_024, "characters", [1, 65_536], { help: "Longest entity id." }),
  strictEntityKeys: boolean(false, {
    help: "Refuse a command whose entity key has several fields and a text with a `-` among them, with `ENTITY_KEY_AMBIGUOUS`: joined by `-`, two such keys may name one entity.",
  }),
});

/** Every setting of this layer. */
export const ROUTER_SETTINGS = named({
  ...ENTITY_ID_SETTINGS,
  /** Shared with `pkg/entity`. */
  ...LINEAGE_SETTINGS,
  shardWaitTimeoutMs: milliseconds(30_000, {
    range: [100, HOUR_MS],
    help: "How long a command waits for an owner of its entity's shard, if its caller does; then it fails with `SHARD_MOVING`. A proxy that is gone is replaced in 1 to 12 s, so it takes longer only if NATS is not well.",
  }),
  maxOpenEffects: number(1_000, "effects", [1, 1_000_000], {
    help: "Asynchronous side effects under way; a command with further ones waits.",
  }),
  maxEffectTries: number(6, "times", [1, 1_000], {
    help: "How often a side effect of an entity is tried while its target cannot be asked; then the next sweep tries it again.",
  }),
});
