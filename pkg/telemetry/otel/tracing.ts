// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random, Timer } from "../../base/mod.ts";
import { settlesWithin } from "../../base/mod.ts";
import { MINUTE_MS } from "../../settings/mod.ts";

import { countRepeats } from "../repeats.ts";
import type { Meter, Tracer } from "../telemetry.ts";
import { TRACE_METRICS } from "./metrics.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import { RecordingTracer } from "./recording-tracer.ts";
import { resourceAttributes } from "./resource-attributes.ts";
import { samplerOf } from "./sampler.ts";
import { SpanBuffer } from "./span-buffer.ts";
import type { SpanSink } from "./span-sink.ts";
import type { TraceOptions } from "./trace-options.ts";
import { endpointOf, wantedTraces } from "./trace-options.ts";

export interface TracingDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the program runs (`podFields`). */
  readonly pod: Readonly<Record<string, string>>;
  /** The program's version. */
  readonly version: string;
  /** Sees the spans in this process. With it there are spans even if the settings send none anywhere. */
  readonly watcher?: SpanWatcher | undefined;
}

/** Who looks at the spans that are kept. */
export interface SpanWatcher {
  started(span: RecordedSpan): void;
  ended(span: RecordedSpan): void;
}

/** Spans, and their way out of the process. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Where spans are sent, as a URL; undefined: nowhere. */
  readonly endpoint: string | undefined;
  /** Tells there what becomes of spans (`TRACE_METRICS`). */
  countIn(meter: Meter): void;
  /** The program serves: what sends spans is loaded soon. Until then they wait in a bounded buffer. */
  listening(): void;
  /** Sends what is left; bounded in time, and never rejects. */
  stop(): Promise<void>;
}

/** The caller that woke the program should not wait while packages are loaded. */
const LOAD_AFTER_MS = 1_000;

/** Where OpenTelemetry's exporter sends spans if no endpoint is set. */
const DEFAULT_ENDPOINT = "http://localhost:4317";

/** Longest time in which `stop` sends what is left. */
const STOP_MS = 5_000;

/** Starts tracing. Returns undefined, and does nothing, if the settings do not ask for traces and nobody watches. */
export function startTracing(options: TraceOptions, dependencies: TracingDependencies): Tracing | undefined {
  const { clock, random, logger, watcher } = dependencies;
  const { isOn, problems } = wantedTraces(options);
  const { sampler, problem } = samplerOf(options.otelTracesSampler, options.otelTracesSamplerArg);
  for (const text of isOn && problem !== undefined ? [...problems, problem] : problems)
    logger.warn("traces: a setting is not as it should be", { problem: text });
  if (!isOn) return watcher && watchedTracing(watcher, dependencies);
  const buffer = new SpanBuffer({ clock, random, logger, options });
  const onEnded = watcher === undefined ? buffer.add : addAndTell(buffer, watcher);
  const tracer = new RecordingTracer({ clock, random, sampler, onStarted: startedOf(watcher), onEnded });
  let timer: Timer | undefined;
  let loading: Promise<SpanSink | undefined> | undefined;
  const load = (): Promise<SpanSink | undefined> => (loading ??= openSink(buffer, options, dependencies));
  return {
    tracer,
    endpoint: endpointOf(options) || DEFAULT_ENDPOINT,
    countIn: (meter) => observeSpans(meter, buffer),
    listening: () => void (timer ??= clock.schedule(LOAD_AFTER_MS, () => void load())),
    async stop() {
      timer?.cancel();
      const untilMs = clock.monotonicMs() + STOP_MS;
      const leftMs = (): number => Math.max(untilMs - clock.monotonicMs(), 0);
      if (buffer.size > 0 || loading !== undefined) await settlesWithin(load(), leftMs(), clock);
      await buffer.stop(leftMs());
      if (loading !== undefined)
        await settlesWithin(
          loading.then((sink) => sink?.close()),
          leftMs(),
          clock,
        );
    },
  };
}

/** Spans that somebody looks at here, all of them, and that go nowhere. */
function watchedTracing(watcher: SpanWatcher, { clock, random }: TracingDependencies): Tracing {
  const onEnded = (span: RecordedSpan): void => watcher.ended(span);
  const sampler = (): boolean => true;
  const tracer = new RecordingTracer({ clock, random, sampler, onStarted: startedOf(watcher), onEnded });
  const nothing = (): void => undefined;
  return { tracer, endpoint: undefined, countIn: nothing, listening: nothing, stop: async () => undefined };
}

function observeSpans(meter: Meter, buffer: SpanBuffer): void {
  meter.observe(TRACE_METRICS.exported, () => [{ labels: {}, value: buffer.counts.taken }]);
  meter.observe(TRACE_METRICS.dropped, () => [
    { labels: { reason: "full" }, value: buffer.counts.full },
    { labels: { reason: "refused" }, value: buffer.counts.refused },
  ]);
  meter.observe(TRACE_METRICS.waiting, () => [{ labels: {}, value: buffer.size }]);
}

function addAndTell(buffer: SpanBuffer, watcher: SpanWatcher): (span: RecordedSpan) => void {
  return (span) => {
    buffer.add(span);
    watcher.ended(span);
  };
}

function startedOf(watcher: SpanWatcher | undefined): ((span: RecordedSpan) => void) | undefined {
  return watcher && ((span) => watcher.started(span));
}

async function openSink(
  buffer: SpanBuffer,
  options: TraceOptions,
  { clock, logger: lines, pod, version }: TracingDependencies,
): Promise<SpanSink | undefined> {
  const logger = countRepeats(lines, clock, { logRepeatLines: 1, logRepeatWindowMs: MINUTE_MS });
  try {
    const { openOtlp } = await import("./otlp.later.ts");
    const attributes = resourceAttributes(pod);
    const serviceName = options.otelServiceName;
    const endpoint = endpointOf(options);
    const sink = openOtlp({ logger, endpoint, attributes, serviceName, version });
    buffer.open(sink);
    return sink;
  } catch (thrown) {
    // A bad endpoint or certificate. The proxy serves all the same.
    buffer.failed(thrown);
    return undefined;
  }
}
