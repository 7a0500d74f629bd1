// SPDX-License-Identifier: Apache-2.0

/**
 * Has in memory the entities of the shards that this proxy owns. It does not decide which shards these are, but is
 * told when the proxy gives one up, or gets one:
 *
 *     await host.release(17); // The entities of shard 17 have finished their commands, and left memory.
 *     host.take(17); // Commands for entities of shard 17 are carried out again.
 */
export interface ShardHost {
  /** From now on the host carries out commands for entities of the shard. At the start it has every shard. */
  take(shard: number): void;
  /**
   * Gives the shard up: refuses new commands for it with `SHARD_RELEASED`, lets the open ones finish, and lets the
   * entities leave memory. Resolves when none is left and their histories are packed. The caller bounds the wait.
   */
  release(shard: number): Promise<void>;
}
