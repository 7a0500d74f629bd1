// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { DAY_MS, defaultsOf, KIB, MIB, MINUTE_MS, milliseconds, named, number } from "../settings/mod.ts";

import { JETSTREAM_LOG_SETTINGS } from "../eventlog/settings.ts";
import { USER_FUNCTION_SETTINGS } from "../userfunction/settings.ts";

/** Calls to the user function. */
export const CALL_SETTINGS = named({
  relayTimeoutMs: milliseconds(MINUTE_MS, { help: "How long the user function may take for one command." }),
  streamIdleTimeoutMs: milliseconds(60 * MINUTE_MS, {
    help: "How long a stream of an action may be without a message in either direction; then `STREAM_IDLE`.",
  }),
  streamEndTimeoutMs: milliseconds(10_000, {
    help: "How long the user function may take to end a stream that the proxy has ended.",
  }),
  /** Shared with `pkg/userfunction`. */
  maxMessageFields: USER_FUNCTION_SETTINGS.maxMessageFields,
});

/** How much may follow from one command of a caller. The router shares them. */
export const LINEAGE_SETTINGS = named({
  maxForwardDepth: number(16, "links", [1, 1_000], {
    help: "Forwards and side effects that may follow each other from one command; then `CHAIN_TOO_LONG`.",
  }),
  maxDescendants: number(1_000, "commands", [1, 1_000_000], {
    help: "Forwards and side effects that may follow from one command of a caller, all together; then `TOO_MANY_DESCENDANTS`. Those of one command share equally what is left.",
  }),
});

/** Side effects that an entity stores, and the sweep that finds those that are not done. */
export const EFFECT_SETTINGS = named({
  maxUndoneEffects: number(1_000, "effects", [1, 100_000], {
    help: "Side effects of one entity that are not done yet; a command that asks for more is refused with `TOO_MANY_EFFECTS`.",
  }),
  effectMarkDelayMs: milliseconds(1_000, {
    help: "How long an entity is idle before it stores which of its side effects are done, if no record has said so.",
  }),
  effectSweepIntervalMs: milliseconds(10 * MINUTE_MS, {
    help: "From one sweep of the log for undone side effects to the next; the first begins when the user function is found.",
  }),
  effectSweepRate: number(20_000, "records/s", [1, 10_000_000], {
    help: "Records that a sweep reads in a second.",
  }),
  maxEffectWakes: number(16, "entities", [1, 10_000], {
    help: "Entities with undone side effects that a sweep brings into memory at the same time.",
  }),
  maxUndoneEntities: number(10_000, "entities", [1, 10_000_000], {
    help: "Entities with undone side effects in one partition of the log that sweeps remember. Further ones are found when some of these are done.",
  }),
});

/** Stateful entities in memory. */
export const STATEFUL_SETTINGS = named({
  passivationTimeoutMs: milliseconds(30_000, {
    help: "Idle time after which an entity leaves memory, unless its type says otherwise.",
  }),
  maxActiveEntities: number(100_000, "entities", [1, 10_000_000], {
    help: "Entities in memory. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
  }),
  maxEntityBytes: number(48 * MIB, "bytes", [MIB, 64 * KIB * MIB], {
    help: "Memory of the entities in the proxy, 6 KiB each, with their kept replies and undone side effects. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
  }),
  maxActivations: number(16, "entities", [1, 100_000], {
    help: "Entities that are read from the log at the same time; further ones wait.",
  }),
  mailboxCapacity: number(1_000, "commands", [1, 1_000_000], {
    help: "Commands that may wait for one entity; the next is refused with `MAILBOX_FULL`.",
  }),
  maxConflictRetries: number(3, "times", [0, 1_000], {
    help: "How often a command is given to the user function again because another proxy wrote to its entity first; then `APPEND_CONFLICT`. 0 for user functions that do more than answer.",
  }),
  maxKeptReplies: number(256, "replies", [1, 65_536], {
    help: "Idempotency keys that an entity remembers, with the replies to their commands.",
  }),
  maxKeptReplyBytes: number(256 * KIB, "bytes", [KIB, 8 * MIB], {
    help: "Bytes of those replies of one entity; the oldest are forgotten first, and the newest is kept whatever its size.",
  }),
  maxPacks: number(4, "entities", [1, 10_000], {
    help: "Histories that are packed at the same time; further ones wait.",
  }),
  maxPendingPacks: number(10_000, "entities", [1, 10_000_000], {
    help: "Histories that wait to be packed; further ones are not packed.",
  }),
  packTimeoutMs: milliseconds(1_000, {
    range: [0, DAY_MS],
    help: "How long the end of the proxy waits for histories to be packed.",
  }),
  /** Shared with the log on NATS. */
  packRecords: JETSTREAM_LOG_SETTINGS.packRecords,
});

/** Every setting of this layer. */
export const ENTITY_SETTINGS = {
  ...STATEFUL_SETTINGS,
  ...CALL_SETTINGS,
  ...LINEAGE_SETTINGS,
  ...EFFECT_SETTINGS,
} as const;

/** Bounds of the runtimes of entities and actions (I11). */
export type EntityOptions = Values<typeof ENTITY_SETTINGS>;

export const DEFAULT_ENTITY_OPTIONS: EntityOptions = defaultsOf(ENTITY_SETTINGS);
