// SPDX-License-Identifier: Apache-2.0

/**
 * Has in memory the entities of the shards that this proxy owns. It does not decide which shards these are, but is
 * told when the proxy gives one up, loses one, or gets one:
 *
 *     await host.release(17); // The entities of shard 17 have finished their commands, and left memory.
 *     host.drop(17); // Or: they are thrown away as they are, because another proxy may serve them already.
 *     host.take(17); // Commands for entities of shard 17 are carried out again, and each reads its history first.
 */
export interface ShardHost {
  /** From now on the host carries out commands for entities of the shard. */
  take(shard: number): void;
  /**
   * Gives the shard up: refuses new commands for it with `SHARD_RELEASED`, lets the open ones finish, and lets the
   * entities leave memory. Resolves when none is left and their histories are packed. The caller bounds the wait.
   */
  release(shard: number): Promise<void>;
  /**
   * Drops what is in memory of the shard, at once: none of it is used again, although it may be stored what was
   * on its way to the log. Commands without an answer get `SHARD_RELEASED`, and nothing of them is stored; or
   * `OUTCOME_UNKNOWN`, if their record is on its way. It takes new ones as little as after `release`.
   */
  drop(shard: number): void;
}
