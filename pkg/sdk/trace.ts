// SPDX-License-Identifier: Apache-2.0

import type { Metadata } from "./metadata.ts";

/**
 * The span of a command as the headers of W3C Trace Context. It is what an OpenTelemetry propagator reads, and what a
 * request to another service takes, so that spans of the handler and of that service join the trace:
 *
 *     const parent = propagation.extract(ROOT_CONTEXT, trace ?? {});
 *     await fetch(url, { headers: { ...trace } });
 */
export interface Trace {
  /** As `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. */
  readonly traceparent: string;
  /** What other programs of the trace add to it, as `vendor=value,…`. */
  readonly tracestate?: string;
}

/** The trace in the metadata of a command. */
export function traceOf(metadata: Metadata): Trace | undefined {
  const traceparent = metadata.get("traceparent");
  if (traceparent === undefined) return undefined;
  const states = metadata.getAll("tracestate").filter((value) => typeof value === "string");
  return states.length === 0 ? { traceparent } : { traceparent, tracestate: states.join(",") };
}
