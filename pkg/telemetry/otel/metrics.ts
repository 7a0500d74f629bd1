// SPDX-License-Identifier: Apache-2.0

import { counter, gauge } from "../metrics/metric.ts";

/** What becomes of spans. They exist only where traces are on. */
export const TRACE_METRICS = {
  exported: counter("spans_exported", [], "Finished spans that the receiver has taken."),
  dropped: counter(
    "spans_dropped",
    ["reason"],
    "Finished spans that were lost: `full`, because `OTEL_BSP_MAX_QUEUE_SIZE` of them waited; `refused` by the receiver. No request waits or fails for a span.",
  ),
  waiting: gauge("spans_waiting", [], "Finished spans that wait for the receiver."),
} as const;
