// SPDX-License-Identifier: Apache-2.0

import type { Counter, Histogram, Meter } from "../../telemetry/mod.ts";
import type { TenureKind } from "../node/mod.ts";

import { CLUSTER_METRICS } from "../metrics.ts";

/** Counts the shards that a proxy takes, hands over and loses. */
export class ShardMeter {
  readonly #taken: Counter;
  readonly #lost: Counter;
  readonly #handoff: Histogram;
  /** By shard, when it was given up. */
  readonly #givenUpMs = new Map<number, number>();

  constructor(meter: Meter) {
    this.#taken = meter.counter(CLUSTER_METRICS.taken, {});
    this.#lost = meter.counter(CLUSTER_METRICS.lost, {});
    this.#handoff = meter.histogram(CLUSTER_METRICS.handoff, {});
  }

  /** What this member does with a shard has changed; undefined: it does not own it. */
  changed(shard: number, before: TenureKind | undefined, after: TenureKind | undefined, nowMs: number): void {
    const isGivenUp = before === "serving" && (after === "draining" || after === "packing");
    if (isGivenUp) this.#givenUpMs.set(shard, nowMs);
    if (after !== undefined && after !== "serving") return;
    const sinceMs = this.#givenUpMs.get(shard);
    this.#givenUpMs.delete(shard);
    if (before === "releasing" && sinceMs !== undefined)
      this.#handoff.record((nowMs - sinceMs) / MS_PER_SECOND);
    else if (before !== undefined) this.#lost.add(1);
    if (after === "serving") this.#taken.add(1);
  }
}

const MS_PER_SECOND = 1_000;
