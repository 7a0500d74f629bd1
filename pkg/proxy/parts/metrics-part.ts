// SPDX-License-Identifier: Apache-2.0

import { performance } from "node:perf_hooks";

import type { Account } from "../../base/mod.ts";
import type { Meter, MetricRegistry, Observed } from "../../telemetry/mod.ts";

import { metricsRoute } from "../admin/metrics-route.ts";
import { EventLoopDelays } from "../event-loop-delay.ts";
import type { Memory } from "../memory.ts";
import { byteAccounts } from "../memory.ts";
import { MEMORY_METRICS, PROCESS_METRICS } from "../metrics.ts";
import { sharesEntities } from "./cluster-part.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";

/** `/metrics` of the admin port, and the metrics of the process as a whole. */
export function metricsPart({ options, clock, memory }: Shared, registry: MetricRegistry): Part {
  const delays = new EventLoopDelays(clock);
  observeProcess(registry, delays);
  observeMemory(registry, memory, sharesEntities(options));
  return {
    name: "metrics",
    routes: [metricsRoute(options.metrics === "pod" ? "programs" : "loopback", registry, clock)],
    stop: async () => delays.stop(),
  };
}

function observeProcess(meter: Meter, delays: EventLoopDelays): void {
  meter.observe(PROCESS_METRICS.residentMemory, () => [plain(process.memoryUsage.rss())]);
  meter.observe(PROCESS_METRICS.heap, () => {
    const { heapUsed, heapTotal, external } = process.memoryUsage();
    return [
      { labels: { part: "used" }, value: heapUsed },
      { labels: { part: "size" }, value: heapTotal },
      { labels: { part: "external" }, value: external },
    ];
  });
  meter.observe(PROCESS_METRICS.cpu, () => {
    const { user, system } = process.cpuUsage();
    return [
      { labels: { mode: "user" }, value: user / US_PER_SECOND },
      { labels: { mode: "system" }, value: system / US_PER_SECOND },
    ];
  });
  meter.observe(PROCESS_METRICS.eventLoopBusy, () => [
    plain(performance.eventLoopUtilization().active / MS_PER_SECOND),
  ]);
  meter.observe(PROCESS_METRICS.eventLoopDelay, () => {
    const { mean, p99, max } = delays.read() ?? {};
    if (mean === undefined || p99 === undefined || max === undefined) return [];
    return [
      { labels: { statistic: "mean" }, value: mean },
      { labels: { statistic: "p99" }, value: p99 },
      { labels: { statistic: "max" }, value: max },
    ];
  });
}

function observeMemory(meter: Meter, memory: Memory, hasPeers: boolean): void {
  const { callers } = memory;
  const accounts = byteAccounts(memory, hasPeers);
  const each = (read: (account: Account) => number) => () =>
    Object.entries(accounts).map(([account, of]) => ({ labels: { account }, value: read(of) }));
  meter.observe(
    MEMORY_METRICS.taken,
    each(({ used }) => used),
  );
  meter.observe(
    MEMORY_METRICS.limit,
    each(({ max }) => max),
  );
  const refused = each(({ refusals }) => refusals);
  meter.observe(MEMORY_METRICS.refused, () => [
    ...refused(),
    { labels: { account: "requests" }, value: callers.requests.refusals },
  ]);
  meter.observe(MEMORY_METRICS.openRequests, () => [plain(callers.requests.used)]);
  meter.observe(MEMORY_METRICS.openRequestsLimit, () => [plain(callers.requests.max)]);
}

function plain(value: number): Observed<never> {
  return { labels: {}, value };
}

const US_PER_SECOND = 1e6;
const MS_PER_SECOND = 1e3;
