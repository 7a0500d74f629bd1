// SPDX-License-Identifier: Apache-2.0

/**
 * What holds the entities of the shards that this proxy owns. Membership tells it which shards come and go:
 *
 *     await host.release(17); // Entity 17/x has finished its commands, and left memory.
 *     host.take(17); // It may come back.
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
