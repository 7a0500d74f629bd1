// SPDX-License-Identifier: Apache-2.0

import type { SpanStart, TraceContext, Tracer } from "./telemetry.ts";

/** Does work in a span, which ends when the work does. The work gets the parent for further spans. */
export async function inSpan<T>(
  tracer: Tracer,
  name: string,
  parent: TraceContext | undefined,
  work: (trace: TraceContext | undefined) => Promise<T>,
  options?: SpanStart,
): Promise<T> {
  const span = tracer.start(name, parent, options);
  try {
    const result = await work(span.context);
    span.end();
    return result;
  } catch (thrown) {
    span.end(thrown);
    throw thrown;
  }
}
