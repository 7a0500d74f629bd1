// SPDX-License-Identifier: Apache-2.0

/** Bounds of the entity runtimes (I11). `docs/configuration.md` says how to set each. */
export interface EntityOptions {
  /** Idle time after which an entity leaves memory, in milliseconds, unless its type says otherwise. */
  readonly passivationTimeoutMs: number;
  /** How long the user function may take for one command, in milliseconds. */
  readonly relayTimeoutMs: number;
  /** Fields of one message of the user function, if it has more than 64 KiB. */
  readonly maxMessageFields: number;
  /** Commands that may wait for one entity; the next one is refused. */
  readonly mailboxCapacity: number;
  /** Entities in memory. Beyond it the one that is idle longest leaves; if none is idle, activation is refused. */
  readonly maxActiveEntities: number;
  /** Bytes of all entities in memory, with their kept replies and undone side effects. Beyond it the same happens. */
  readonly maxEntityBytes: number;
  /** Entities that are read from the log at the same time; further ones wait. */
  readonly maxActivations: number;
  /**
   * How often a command is given to the user function again, on the new state, after its append was refused because
   * another proxy wrote to its entity. After that its caller gets `APPEND_CONFLICT`. The refused appends stored
   * nothing. 0: never, for user functions that do more than answer.
   */
  readonly maxConflictRetries: number;
  /** Idempotency keys that an entity remembers, with the replies to their commands. */
  readonly maxKeptReplies: number;
  /**
   * Bytes of the kept replies of one entity; the oldest are forgotten first, and the newest is kept whatever its
   * size.
   */
  readonly maxKeptReplyBytes: number;
  /** Side effects of one entity that are not done yet; a command that asks for more is refused. */
  readonly maxUndoneEffects: number;
  /** Longest chain of forwards and side effects from one command of a caller. */
  readonly maxForwardDepth: number;
  /** Forwards and side effects that may follow from one command of a caller, all together. */
  readonly maxDescendants: number;
  /** Idle time after which an entity stores a record that says which side effects are done, in milliseconds. */
  readonly effectMarkDelayMs: number;
  /** Time from one sweep of the log for undone side effects to the next, in milliseconds. */
  readonly effectSweepIntervalMs: number;
  /** Records that a sweep reads in a second. */
  readonly effectSweepRate: number;
  /** Entities that a sweep brings into memory at the same time. */
  readonly maxEffectWakes: number;
  /** Entities with undone effects in one partition at which a sweep stops reading that partition. */
  readonly maxUndoneEntities: number;
  /**
   * The history of an entity that leaves memory is packed if it has at least so many records after its newest
   * snapshot.
   */
  readonly packRecords: number;
  /** Histories that are packed at the same time; further ones wait. */
  readonly maxPacks: number;
  /** Histories that wait to be packed; further ones are not packed. */
  readonly maxPendingPacks: number;
  /** How long a stopping proxy waits for packs, in milliseconds. */
  readonly packTimeoutMs: number;
  /** How long the user function may take to end a stream that the proxy has ended, in milliseconds. */
  readonly streamEndTimeoutMs: number;
}

export const DEFAULT_ENTITY_OPTIONS: EntityOptions = {
  passivationTimeoutMs: 30_000,
  relayTimeoutMs: 60_000,
  maxMessageFields: 100_000,
  mailboxCapacity: 1_000,
  maxActiveEntities: 100_000,
  maxEntityBytes: 50_331_648,
  maxActivations: 16,
  maxConflictRetries: 3,
  maxKeptReplies: 256,
  maxKeptReplyBytes: 262_144,
  maxUndoneEffects: 1_000,
  maxForwardDepth: 16,
  maxDescendants: 1_000,
  effectMarkDelayMs: 1_000,
  effectSweepIntervalMs: 600_000,
  effectSweepRate: 20_000,
  maxEffectWakes: 16,
  maxUndoneEntities: 10_000,
  packRecords: 8,
  maxPacks: 4,
  maxPendingPacks: 10_000,
  packTimeoutMs: 1_000,
  streamEndTimeoutMs: 10_000,
};
