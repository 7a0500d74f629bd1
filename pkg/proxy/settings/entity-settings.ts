// SPDX-License-Identifier: Apache-2.0

import { boolean, number } from "../../base/mod.ts";

import { DAY_MS, MIB } from "./bounds.ts";

/** Entities in memory. */
export const ENTITY_SETTINGS = {
  maxActiveEntities: number(
    "max-active-entities",
    "PERDURE_MAX_ACTIVE_ENTITIES",
    100_000,
    "entities",
    [1, 10_000_000],
    "Entities in memory. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
  ),
  maxEntityBytes: number(
    "max-entity-bytes",
    "PERDURE_MAX_ENTITY_BYTES",
    48 * MIB,
    "bytes",
    [MIB, 64 * 1_024 * MIB],
    "What the entities in memory take of the proxy's, 6 KiB each, with their kept replies and undone side effects. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
  ),
  maxActivations: number(
    "max-activations",
    "PERDURE_MAX_ACTIVATIONS",
    16,
    "entities",
    [1, 100_000],
    "Entities that are read from the log at the same time; further ones wait.",
  ),
  mailboxCapacity: number(
    "mailbox-capacity",
    "PERDURE_MAILBOX_CAPACITY",
    1_000,
    "commands",
    [1, 1_000_000],
    "Commands that may wait for one entity; the next is refused with `MAILBOX_FULL`.",
  ),
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
  maxConflictRetries: number(
    "max-conflict-retries",
    "PERDURE_MAX_CONFLICT_RETRIES",
    3,
    "times",
    [0, 1_000],
    "How often a command is given to the user function again because another proxy wrote to its entity first; then `APPEND_CONFLICT`. 0 for user functions that do more than answer.",
  ),
  maxIdempotencyKeyLength: number(
    "max-idempotency-key-length",
    "PERDURE_MAX_IDEMPOTENCY_KEY_LENGTH",
    256,
    "characters",
    [1, 4_096],
    "Longest `idempotency-key`; a longer one is refused with `BAD_IDEMPOTENCY_KEY`.",
  ),
  maxKeptReplies: number(
    "max-kept-replies",
    "PERDURE_MAX_KEPT_REPLIES",
    256,
    "replies",
    [1, 65_536],
    "Idempotency keys that an entity remembers, with the replies to their commands.",
  ),
  maxKeptReplyBytes: number(
    "max-kept-reply-bytes",
    "PERDURE_MAX_KEPT_REPLY_BYTES",
    MIB / 4,
    "bytes",
    [1_024, 8 * MIB],
    "Bytes of those of one entity; the oldest are forgotten first, and the newest is kept whatever its size.",
  ),
  maxPacks: number(
    "max-packs",
    "PERDURE_MAX_PACKS",
    4,
    "entities",
    [1, 10_000],
    "Histories that are packed at the same time; further ones wait.",
  ),
  maxPendingPacks: number(
    "max-pending-packs",
    "PERDURE_MAX_PENDING_PACKS",
    10_000,
    "entities",
    [1, 10_000_000],
    "Histories that wait to be packed; further ones are not packed.",
  ),
  packTimeoutMs: number(
    "pack-timeout",
    "PERDURE_PACK_TIMEOUT_MS",
    1_000,
    "ms",
    [0, DAY_MS],
    "How long the end of the proxy waits for histories to be packed.",
  ),
} as const;
