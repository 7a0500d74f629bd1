// SPDX-License-Identifier: Apache-2.0

import { CLUSTER_METRICS } from "../cluster/mod.ts";
import { ENDPOINT_METRICS } from "../endpoint/mod.ts";
import { COMMAND_METRICS, ENTITY_METRICS } from "../entity/mod.ts";
import { LOG_METRICS } from "../eventlog/mod.ts";
import type { MetricGroup } from "../telemetry/mod.ts";
import { counter, gauge } from "../telemetry/mod.ts";
import { TRACE_METRICS } from "../telemetry/otel/mod.ts";

/** The process of the proxy. */
export const PROCESS_METRICS = {
  residentMemory: gauge(
    "process_resident_memory_bytes",
    [],
    "Memory of the process, as the operating system counts it.",
  ),
  heap: gauge(
    "process_heap_bytes",
    ["part"],
    "V8's heap: `used` by objects, some of which may be garbage; `size` of it all; `external`, which objects hold outside of it.",
  ),
  cpu: counter(
    "process_cpu_seconds",
    ["mode"],
    "Processor time of the process: `user` in its own code, `system` in the kernel for it.",
  ),
  eventLoopDelay: gauge(
    "event_loop_delay_seconds",
    ["statistic"],
    "How late timers of the event loop were since the last time somebody asked: `mean`, `p99` and `max`. It is measured only while somebody asks every five minutes.",
  ),
  eventLoopBusy: counter(
    "event_loop_busy_seconds",
    [],
    "Time in which the event loop worked and did not wait.",
  ),
} as const;

/** The memory accounts, which bound what waits in the proxy (I11). */
export const MEMORY_METRICS = {
  taken: gauge(
    "account_taken_bytes",
    ["account"],
    "Memory that requests and answers hold: `callers` for requests from their first byte until their answer is taken; `replies` for messages of the user function that have arrived in part; `activations` for histories on their way to the user function; `effects` for side effects under way; in a cluster, `peers` for commands from and to other proxies.",
  ),
  limit: gauge(
    "account_limit_bytes",
    ["account"],
    "The most that each of these accounts gives; together `--max-buffered-bytes`, to which `peers` comes on top.",
  ),
  refused: counter(
    "account_refusals",
    ["account"],
    "How often an account gave no more memory, or no further place, because it was used up or the caller's share of it was.",
  ),
  openRequests: gauge("open_requests", [], "Open requests to the public port."),
  openRequestsLimit: gauge("open_requests_limit", [], "The most of them, `--max-open-requests`."),
} as const;

/** All metrics of the proxy, for people who read them. */
export const PROXY_METRIC_GROUPS: readonly MetricGroup[] = [
  { title: "The public port", metrics: ENDPOINT_METRICS },
  { title: "Commands", metrics: COMMAND_METRICS },
  { title: "Entities", metrics: ENTITY_METRICS },
  { title: "The event log", metrics: LOG_METRICS },
  { title: "Several proxies", metrics: CLUSTER_METRICS },
  { title: "Memory accounts", metrics: MEMORY_METRICS },
  { title: "Traces", metrics: TRACE_METRICS },
  { title: "Process", metrics: PROCESS_METRICS },
];
