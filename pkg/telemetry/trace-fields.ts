// SPDX-License-Identifier: Apache-2.0

import type { LogFields } from "../base/mod.ts";

import type { TraceContext } from "./telemetry.ts";

const NO_FIELDS: LogFields = {};

/**
 * The fields by which a log line is found from its span, and the span from the line. Their names are those of
 * OpenTelemetry ("Trace Context in non-OTLP Log Formats").
 *
 * @param trace the span that the line is about; undefined: there is none, or nobody traces.
 */
export function traceFields(trace: TraceContext | undefined): LogFields {
  return trace === undefined ? NO_FIELDS : { trace_id: trace.traceId, span_id: trace.spanId };
}
