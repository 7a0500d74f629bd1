// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../base/mod.ts";
import type { Status } from "../grpc/mod.ts";
import { statusName } from "../grpc/mod.ts";
import type { Counter, Histogram, Meter, TraceContext } from "../telemetry/mod.ts";

import type { AnsweredRequest } from "./answered-request.ts";
import { ENDPOINT_METRICS } from "./metrics.ts";

type Protocol = AnsweredRequest["protocol"];

/**
 * Called for each request that is over. Allocates nothing, unless a status is new, or a span the first that is kept.
 *
 * @param span that of the request's command; undefined: nobody traces, or it came to no command.
 */
export type RequestMeter = (protocol: Protocol, status: number, tookMs: number, span?: TraceContext) => void;

/** @param connections how many are open now. */
export function requestMeter(meter: Meter, connections: () => number): RequestMeter {
  meter.observe(ENDPOINT_METRICS.connections, () => [{ labels: {}, value: connections() }]);
  const of = (protocol: Protocol): Measured => ({
    counters: new Map(),
    duration: meter.histogram(ENDPOINT_METRICS.duration, { protocol }),
  });
  const measured: Readonly<Record<Protocol, Measured>> = {
    http: of("http"),
    grpc: of("grpc"),
    "grpc-web": of("grpc-web"),
    websocket: of("websocket"),
  };
  return (protocol, status, tookMs, span) => {
    const { counters, duration } = measured[protocol];
    const counter =
      counters.get(status) ??
      getOrMake(counters, status, () => {
        const name = protocol === "http" ? String(status) : statusName(status as Status);
        return meter.counter(ENDPOINT_METRICS.requests, { protocol, status: name });
      });
    counter.add(1);
    duration.record(tookMs / 1_000, span);
  };
}

interface Measured {
  readonly counters: Map<number, Counter>;
  readonly duration: Histogram;
}
