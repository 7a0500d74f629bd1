// SPDX-License-Identifier: Apache-2.0

export { ATTRIBUTES, GRPC, NATS } from "./attributes.ts";
export { childSpan } from "./child-span.ts";
export { inSpan } from "./in-span.ts";
export { readableFields } from "./log-text.ts";
export { createLogger } from "./logger.ts";
export { acceptedFormat } from "./metrics/accepted-format.ts";
export type { Metric, MetricGroup } from "./metrics/metric.ts";
export {
  counter,
  DURATION_BUCKETS,
  gauge,
  histogram,
  STAY_BUCKETS,
  sampleName,
} from "./metrics/metric.ts";
export { MetricRegistry } from "./metrics/registry.ts";
export type { TextFormat } from "./metrics/text.ts";
export { metricsText } from "./metrics/text.ts";
export { podFields } from "./pod.ts";
export type { CountingLogger } from "./repeats.ts";
export { countRepeats } from "./repeats.ts";
export { SPAN_ID_BYTES, TRACE_ID_BYTES, writeSpanId, writeTraceId } from "./span-ids.ts";
export type {
  AttributeValue,
  Counter,
  Histogram,
  Meter,
  Observed,
  Span,
  SpanStart,
  Telemetry,
  TraceContext,
  Tracer,
} from "./telemetry.ts";
export { FixedAttributes, logsOnly, NO_METER, NO_SPAN, NO_TELEMETRY, NO_TRACER } from "./telemetry.ts";
export type { TraceReader } from "./trace-context.ts";
export {
  TRACEPARENT_LENGTH,
  traceReader,
  writeTraceparent,
  writeTraceparentOver,
} from "./trace-context.ts";
export { traceFields } from "./trace-fields.ts";
