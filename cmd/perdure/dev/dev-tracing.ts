// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random } from "../../../pkg/base/mod.ts";
import { PROXY_VERSION } from "../../../pkg/proxy/mod.ts";
import type { Tracing } from "../../../pkg/telemetry/otel/mod.ts";
import { startTracing } from "../../../pkg/telemetry/otel/mod.ts";

import type { PodSettings } from "./pod-settings.ts";
import type { DevSettings } from "./settings.ts";
import type { ShownTrace } from "./trace-collector.ts";
import { TraceCollector } from "./trace-collector.ts";
import { traceLink } from "./trace-link.ts";

export interface DevTracingDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Called with each trace of a request. @param link where it can be looked at, if it is sent anywhere */
  readonly show: (trace: ShownTrace, link: string | undefined) => void;
}

/** Sends spans where the settings want them, and shows them here if they are asked for. Undefined: neither. */
export function devTracing(
  { project, traces: { isShown, url } }: DevSettings,
  { proxy, name }: PodSettings,
  { clock, random, logger, show }: DevTracingDependencies,
): Tracing | undefined {
  const collector = new TraceCollector({
    clock,
    show: (trace) => show(trace, traceLink(trace.traceId, tracing?.endpoint, url)),
  });
  const tracing: Tracing | undefined = startTracing(proxy, {
    clock,
    random,
    logger,
    pod: { service: project.name, ...(name !== undefined && { name }) },
    version: PROXY_VERSION,
    watcher: isShown ? collector : undefined,
  });
  return tracing;
}
