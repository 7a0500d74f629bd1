// SPDX-License-Identifier: Apache-2.0

export { inSpan } from "./in-span.ts";
export { readableFields } from "./log-text.ts";
export type { LineSink } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { podFields } from "./pod.ts";
export type { CountingLogger, LogRepeatOptions } from "./repeats.ts";
export { countRepeats } from "./repeats.ts";
export type {
  AttributeValue,
  Counter,
  Histogram,
  Meter,
  Span,
  Telemetry,
  TraceContext,
  Tracer,
} from "./telemetry.ts";
export { logsOnly, NO_TELEMETRY, NO_TRACER } from "./telemetry.ts";
