// SPDX-License-Identifier: Apache-2.0

import type { AttributeValue, Span, TraceContext, Tracer } from "../../pkg/telemetry/mod.ts";

/** A span that has ended. */
export interface FinishedSpan {
  /** Its name and those of the spans above it, the last one first: `append < perdure.test.Counter.Add`. */
  readonly path: string;
  readonly context: TraceContext;
  readonly link: TraceContext | undefined;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly startMs: number | undefined;
  readonly error: unknown;
}

export interface MemoryTracer extends Tracer {
  /** In the order in which they ended. */
  readonly spans: readonly FinishedSpan[];
}

/** Keeps finished spans in memory. A parent that it has not made is named by its span id. */
export function memoryTracer(isSampled = true): MemoryTracer {
  const spans: FinishedSpan[] = [];
  const paths = new Map<string, string>();
  const idOf = (number: number, length: number) => number.toString(16).padStart(length, "0");
  return {
    spans,
    start(name, parent, { link, startMs, attributes: atStart } = {}): Span {
      const context: TraceContext = {
        ...(parent ?? { traceId: idOf(paths.size + 1, 32), isSampled }),
        spanId: idOf(paths.size + 1, 16),
      };
      const above = parent === undefined ? [] : [paths.get(parent.spanId) ?? parent.spanId];
      const path = [name, ...above].join(" < ");
      const attributes: Record<string, AttributeValue> = Object.fromEntries(atStart?.entries ?? []);
      paths.set(context.spanId, path);
      return {
        context,
        set: (name, value) => void (attributes[name] = value),
        end(error, atEnd) {
          Object.assign(attributes, Object.fromEntries(atEnd?.entries ?? []));
          spans.push({ path, context, link, attributes, startMs, error });
        },
      };
    },
  };
}
