// SPDX-License-Identifier: Apache-2.0

interface Kept {
  readonly sinceMs: number;
  readonly times: number;
}

/**
 * The shards that a member serves again, although another one should have them, because a command of theirs takes long
 * (`tenure.ts`, 3).
 *
 * 1. A shard that is given up waits for its commands for `keepAfterMs` before it is kept. Each time it waits twice as
 *    long, so that a user function whose commands all take long does not keep it for ever.
 * 2. It is kept until no command is open, and for `keepAfterMs` at most.
 */
export class KeptShards {
  readonly #keepAfterMs: number;
  readonly #kept = new Map<number, Kept>();

  constructor(keepAfterMs: number) {
    this.#keepAfterMs = keepAfterMs;
  }

  /** Whether a shard that was given up so long ago is to be kept now (1). */
  isDue(shard: number, drainedMs: number): boolean {
    return drainedMs >= this.#keepAfterMs * 2 ** (this.#kept.get(shard)?.times ?? 0);
  }

  keep(shard: number, nowMs: number): void {
    this.#kept.set(shard, { sinceMs: nowMs, times: (this.#kept.get(shard)?.times ?? 0) + 1 });
  }

  /** Whether a shard with so many open commands is not to be given up yet (2). */
  isKept(shard: number, open: number, nowMs: number): boolean {
    const kept = this.#kept.get(shard);
    return kept !== undefined && open > 0 && nowMs - kept.sinceMs < this.#keepAfterMs;
  }

  /** The shard is not this member's any more. */
  forget(shard: number): void {
    this.#kept.delete(shard);
  }
}
