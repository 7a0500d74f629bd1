// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";
import { MetricRegistry } from "../telemetry/mod.ts";

import { eventLogContract } from "./contract.ts";
import type { EventLog } from "./event-log.ts";
import { NO_POSITION } from "./event-log.ts";
import { openMemoryLog } from "./memory.ts";
import { meteredLog } from "./metered-log.ts";

eventLogContract(test, "metered", async (limits) => {
  const clock = new ManualClock();
  const log = meteredLog(openMemoryLog(limits), new MetricRegistry(clock), clock);
  return { log, dispose: () => log.close() };
});

const ANN = { type: "cart", id: "ann" };
const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

interface World {
  readonly clock: ManualClock;
  readonly log: EventLog;
  /** The values of a metric by the values of its labels; of a histogram, how many values it has and their sum. */
  values(name: string): Readonly<Record<string, number | readonly [count: number, sum: number]>>;
  readonly registry: MetricRegistry;
}

function world(): World {
  const clock = new ManualClock(1_000);
  const registry = new MetricRegistry(clock);
  const log = meteredLog(openMemoryLog(), registry, clock);
  const values: World["values"] = (name) => {
    const series = registry.collect().find(({ metric }) => metric.name === name)?.series ?? [];
    return Object.fromEntries(
      series.map(({ labels, value }) => {
        const key = Object.values(labels).join(" ");
        if (value.kind === "number") return [key, value.number];
        return [key, [value.buckets.reduce((sum, { count }) => sum + count, 0), value.sum]];
      }),
    );
  };
  return { clock, log, registry, values };
}

test("appends, reads, their bytes and failures are counted, and each is timed", async (t) => {
  const { clock, log, values } = world();
  const appended = log.append(ANN, NO_POSITION, new Uint8Array(700));
  clock.advance(250);
  const position = await appended;
  await log.saveSnapshot(ANN, position, new Uint8Array(50));
  await log.append(ANN, position, new Uint8Array(7));
  await t.throwsAsync(log.append(ANN, position, new Uint8Array(9)), { code: "APPEND_CONFLICT" });
  await log.read(ANN);
  await log.read(ANN, NO_POSITION);
  await log.readLast(ANN);
  await log.readLast({ ...ANN, id: "bob" });
  t.deepEqual(values("perdure_log_operation_seconds"), {
    append: [3, 0.25],
    replace: [0, 0],
    save_snapshot: [1, 0],
    read: [2, 0],
    read_last: [2, 0],
  });
  t.deepEqual(values("perdure_log_written_bytes"), { append: 707, replace: 0, save_snapshot: 50 });
  t.deepEqual(values("perdure_log_read_bytes"), { read: 57 + 707, read_last: 7 });
  t.deepEqual(values("perdure_log_records_read"), { read: 3, read_last: 1 });
  t.deepEqual(values("perdure_log_failures"), { "append APPEND_CONFLICT": 1 });
});

test("an append in a sampled trace is an example of its duration", async (t) => {
  const { log, registry } = world();
  await log.append(ANN, NO_POSITION, new Uint8Array(1), TRACE);
  const all = registry.collect().flatMap(({ series }) => series);
  const exemplars = all.flatMap(({ value }) =>
    value.kind === "distribution" ? value.buckets.map(({ exemplar }) => exemplar?.traceId) : [],
  );
  t.deepEqual(
    exemplars.filter((id) => id !== undefined),
    [TRACE.traceId],
  );
});
