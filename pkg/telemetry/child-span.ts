// SPDX-License-Identifier: Apache-2.0

import type { Span, SpanKind, TraceContext, Tracer } from "./telemetry.ts";
import { NO_SPAN } from "./telemetry.ts";

/**
 * Starts a span within a command. If nobody traces the command, or its trace is not kept, this is one frozen object,
 * and nothing is allocated.
 *
 * @param trace the command's span
 * @param startMs when the work began, in milliseconds of the clock's `monotonicMs`; default: now
 */
export function childSpan(
  tracer: Tracer,
  name: string,
  trace: TraceContext | undefined,
  kind: SpanKind = "internal",
  startMs?: number,
): Span {
  return trace?.isSampled === true ? tracer.start(name, trace, { kind, startMs }) : NO_SPAN;
}
