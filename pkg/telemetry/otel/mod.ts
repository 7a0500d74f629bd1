// SPDX-License-Identifier: Apache-2.0

export type { MetricPush } from "./metric-push.ts";
export { startMetricPush } from "./metric-push.ts";
export { TRACE_METRICS } from "./metrics.ts";
export type { RecordedSpan } from "./recorded-span.ts";
export type { SpanWatcher, Tracing } from "./tracing.ts";
export { startTracing } from "./tracing.ts";
