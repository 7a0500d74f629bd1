// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import type { MetricRegistry, TextFormat } from "../../telemetry/mod.ts";
import { acceptedFormat, metricsText } from "../../telemetry/mod.ts";

import type { Reach } from "./caller.ts";
import type { AdminRoute } from "./routes.ts";

/** A caller from outside gets a text that is at most so old, so that many callers cost no more than one. */
const MAX_AGE_MS = 1_000;

/** `/metrics`, in the format that the caller prefers. */
export function metricsRoute(
  reach: Exclude<Reach, "secret">,
  registry: Pick<MetricRegistry, "collect">,
  clock: Clock,
): AdminRoute {
  const made = new Map<TextFormat, { readonly text: string; readonly atMs: number }>();
  return {
    path: "/metrics",
    methods: ["GET", "HEAD"],
    reach,
    handle({ accept, isLocal }) {
      const format = acceptedFormat(accept);
      const atMs = clock.monotonicMs();
      const last = made.get(format);
      if (!isLocal && last !== undefined && atMs - last.atMs < MAX_AGE_MS) {
        return { status: 200, text: last.text, contentType: format.contentType };
      }
      const text = metricsText(registry.collect(), format);
      if (!isLocal) made.set(format, { text, atMs });
      return { status: 200, text, contentType: format.contentType };
    },
  };
}
