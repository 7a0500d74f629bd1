// SPDX-License-Identifier: Apache-2.0

import { DAY_MS, KIB, MIB, MINUTE_MS, milliseconds, number } from "../settings/mod.ts";

import { JETSTREAM_LOG_SETTINGS } from "../eventlog/settings.ts";
import { USER_FUNCTION_SETTINGS } from "../userfunction/settings.ts";

/** Calls to the user function. */
export const CALL_SETTINGS = {
  relayTimeoutMs: milliseconds(
    "relay-timeout",
    "PERDURE_RELAY_TIMEOUT_MS",
    MINUTE_MS,
    "How long the user function may take for one command.",
  ),
  streamIdleTimeoutMs: milliseconds(
    "stream-idle-timeout",
    "PERDURE_STREAM_IDLE_TIMEOUT_MS",
    60 * MINUTE_MS,
    "How long a stream of an action may be without a message in either direction; then `STREAM_IDLE`.",
  ),
  streamEndTimeoutMs: milliseconds(
    "stream-end-timeout",
    "PERDURE_STREAM_END_TIMEOUT_MS",
    10_000,
    "How long the user function may take to end a stream that the proxy has ended.",
  ),
  /** Shared with `pkg/userfunction`. */
  maxMessageFields: USER_FUNCTION_SETTINGS.maxMessageFields,
} as const;

/** How much may follow from one command of a caller. The router shares them. */
export const LINEAGE_SETTINGS = {
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
} as const;

/** Side effects that an entity stores, and the sweep that finds those that are not done. */
export const EFFECT_SETTINGS = {
  maxUndoneEffects: number(
    "max-undone-effects",
    "PERDURE_MAX_UNDONE_EFFECTS",
    1_000,
    "effects",
    [1, 100_000],
    "Side effects of one entity that are not done yet; a command that asks for more is refused with `TOO_MANY_EFFECTS`.",
  ),
  effectMarkDelayMs: milliseconds(
    "effect-mark-delay",
    "PERDURE_EFFECT_MARK_DELAY_MS",
    1_000,
    "How long an entity is idle before it stores which of its side effects are done, if no record has said so.",
  ),
  effectSweepIntervalMs: milliseconds(
    "effect-sweep-interval",
    "PERDURE_EFFECT_SWEEP_INTERVAL_MS",
    10 * MINUTE_MS,
    "From one sweep of the log for undone side effects to the next; the first begins when the user function is found.",
  ),
  effectSweepRate: number(
    "effect-sweep-rate",
    "PERDURE_EFFECT_SWEEP_RATE",
    20_000,
    "records/s",
    [1, 10_000_000],
    "Records that a sweep reads in a second.",
  ),
  maxEffectWakes: number(
    "max-effect-wakes",
    "PERDURE_MAX_EFFECT_WAKES",
    16,
    "entities",
    [1, 10_000],
    "Entities with undone side effects that a sweep brings into memory at the same time.",
  ),
  maxUndoneEntities: number(
    "max-undone-entities",
    "PERDURE_MAX_UNDONE_ENTITIES",
    10_000,
    "entities",
    [1, 10_000_000],
    "Entities with undone side effects in one partition of the log at which a sweep stops reading that partition.",
  ),
} as const;

/** Stateful entities in memory. */
export const STATEFUL_SETTINGS = {
  passivationTimeoutMs: milliseconds(
    "passivation-timeout",
    "PERDURE_PASSIVATION_TIMEOUT_MS",
    30_000,
    "Idle time after which an entity leaves memory, unless its type says otherwise.",
  ),
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
    [MIB, 64 * KIB * MIB],
    "Memory of the entities in the proxy, 6 KiB each, with their kept replies and undone side effects. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
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
  maxConflictRetries: number(
    "max-conflict-retries",
    "PERDURE_MAX_CONFLICT_RETRIES",
    3,
    "times",
    [0, 1_000],
    "How often a command is given to the user function again because another proxy wrote to its entity first; then `APPEND_CONFLICT`. 0 for user functions that do more than answer.",
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
    256 * KIB,
    "bytes",
    [KIB, 8 * MIB],
    "Bytes of those replies of one entity; the oldest are forgotten first, and the newest is kept whatever its size.",
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
  packTimeoutMs: milliseconds(
    "pack-timeout",
    "PERDURE_PACK_TIMEOUT_MS",
    1_000,
    "How long the end of the proxy waits for histories to be packed.",
    [0, DAY_MS],
  ),
  /** Shared with the log on NATS. */
  packRecords: JETSTREAM_LOG_SETTINGS.packRecords,
} as const;

/** Every setting of this layer. */
export const ENTITY_SETTINGS = {
  ...STATEFUL_SETTINGS,
  ...CALL_SETTINGS,
  ...LINEAGE_SETTINGS,
  ...EFFECT_SETTINGS,
} as const;
