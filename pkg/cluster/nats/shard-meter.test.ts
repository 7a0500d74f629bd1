// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { systemClock } from "../../base/mod.ts";
import { MetricRegistry } from "../../telemetry/mod.ts";
import type { TenureKind } from "../node/mod.ts";

import { ShardMeter } from "./shard-meter.ts";

type Step = TenureKind | undefined;

/** What is counted of one shard that goes through these states, ten seconds in each. */
function counted(...steps: readonly Step[]): Readonly<Record<string, number>> {
  const registry = new MetricRegistry(systemClock);
  const meter = new ShardMeter(registry);
  let before: Step;
  for (const [index, after] of steps.entries()) {
    meter.changed(7, before, after, index * 10_000);
    before = after;
  }
  const values = registry.collect().map(({ metric, series }) => {
    const [value] = series.map((each) => each.value);
    return [
      metric.name.replace("perdure_shard", ""),
      value?.kind === "number" ? value.number : (value?.sum ?? 0),
    ] as const;
  });
  return Object.fromEntries(values);
}

test("a shard is taken, and handed over from when it was given up until its next owner is written down", (t) => {
  t.deepEqual(counted("serving"), { s_taken: 1, s_lost: 0, _handoff_seconds: 0 });
  const handedOver = { s_taken: 1, s_lost: 0, _handoff_seconds: 30 };
  t.deepEqual(counted("serving", "draining", "packing", "releasing", undefined), handedOver);
  t.deepEqual(counted("serving", "packing", "releasing", undefined), { ...handedOver, _handoff_seconds: 20 });
});

test("a shard that goes before it was released is lost", (t) => {
  const lost = { s_taken: 1, s_lost: 1, _handoff_seconds: 0 };
  t.deepEqual(counted("serving", undefined), lost);
  t.deepEqual(counted("serving", "draining", undefined), lost);
  t.deepEqual(counted("serving", "packing", undefined), lost);
});

test("a shard that comes back in a new tenure is counted anew", (t) => {
  t.deepEqual(counted("serving", "packing", "releasing", "serving"), {
    s_taken: 2,
    s_lost: 0,
    _handoff_seconds: 20,
  });
  t.deepEqual(counted("serving", "serving"), { s_taken: 2, s_lost: 1, _handoff_seconds: 0 });
});
