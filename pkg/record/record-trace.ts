// SPDX-License-Identifier: Apache-2.0

import type { TraceMessage } from "../protocol/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";
import { SPAN_ID_BYTES, TRACE_ID_BYTES, writeSpanId, writeTraceId } from "../telemetry/mod.ts";

/** A span for the record that it stores; undefined if the trace is not kept, because nobody could look at it. */
export function traceMessage(trace: TraceContext | undefined): TraceMessage | undefined {
  if (trace?.isSampled !== true) return undefined;
  // Memory of their own: of Node's pool, a side effect that waits for hours would keep 8 KiB.
  const traceId = new Uint8Array(TRACE_ID_BYTES);
  const spanId = new Uint8Array(SPAN_ID_BYTES);
  writeTraceId(traceId, 0, trace);
  writeSpanId(spanId, 0, trace);
  return { $typeName: "perdure.log.v1.Trace", traceId, spanId };
}

/** The span that stored a record, as far as the record says. */
export function readTrace(message: TraceMessage | undefined): TraceContext | undefined {
  if (message?.traceId.length !== TRACE_ID_BYTES || message.spanId.length !== SPAN_ID_BYTES) return undefined;
  return { traceId: toHex(message.traceId), spanId: toHex(message.spanId), isSampled: true };
}

function toHex({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}
