// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { settlesWithin } from "../../base/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { ShardHost } from "../shard-host.ts";

/** A shard host that also throws the entities of a shard away at once: nothing of them is used or answered. */
export interface DroppingHost extends ShardHost {
  drop(shard: number): void;
}

export interface ShardPackerDependencies {
  readonly host: DroppingHost;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timeoutMs: number;
  /** Whether the shard is still being packed in this tenure. */
  readonly isPacking: (shard: number, epoch: number) => boolean;
  readonly onPacked: (shard: number, epoch: number) => void;
}

/**
 * Lets the entities of shards leave memory, each shard within a time. Histories that are not packed by then cost the
 * next owner time and nothing else, so the entities are thrown away then.
 */
export class ShardPacker {
  readonly #dependencies: ShardPackerDependencies;

  constructor(dependencies: ShardPackerDependencies) {
    this.#dependencies = dependencies;
  }

  pack(shard: number, epoch: number): void {
    void this.#pack(shard, epoch);
  }

  async #pack(shard: number, epoch: number): Promise<void> {
    const { host, clock, telemetry, timeoutMs, isPacking, onPacked } = this.#dependencies;
    const isPacked = await settlesWithin(host.release(shard), timeoutMs, clock);
    // The shard may have been lost meanwhile, and may even be served again.
    if (!isPacked && isPacking(shard, epoch)) {
      telemetry.logger.warn("cluster: a shard is handed over before all its histories are packed", { shard });
      host.drop(shard);
    }
    onPacked(shard, epoch);
  }
}
