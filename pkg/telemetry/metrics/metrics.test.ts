// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { ManualClock } from "../../base/test-doubles/mod.ts";

import type { ReadSample } from "../../../test/lib/metrics-text.ts";
import { readOpenMetrics, readPrometheus } from "../../../test/lib/metrics-text.ts";
import { NO_TELEMETRY } from "../telemetry.ts";
import { acceptedFormat } from "./accepted-format.ts";
import { counter, gauge, histogram } from "./metric.ts";
import { MetricRegistry } from "./registry.ts";
import { metricsText, OPEN_METRICS, PROMETHEUS } from "./text.ts";

const STORED = counter("things_stored_bytes", ["kind"], 'Bytes\\of "things",\nstored.');
const OPEN = gauge("things_open", [], "Open things.");
const TOOK = histogram("thing_seconds", ["kind"], "How long a thing takes.", [0.001, 0.5, 2]);

const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

const NOW_MS = 1.8e12;

function registry(): MetricRegistry {
  return new MetricRegistry(new ManualClock(NOW_MS));
}

function textsOf(metrics: MetricRegistry): readonly [prometheus: string, openMetrics: string] {
  const families = metrics.collect();
  return [`${metricsText(families, PROMETHEUS)}\n`, `${metricsText(families, OPEN_METRICS)}\n`];
}

test("counters, gauges and histograms in both formats", (t) => {
  const metrics = registry();
  metrics.counter(STORED, { kind: "a" }).add(3);
  metrics.observe(OPEN, () => [{ labels: {}, value: 2.5 }]);
  const took = metrics.histogram(TOOK, { kind: "a" });
  for (const value of [0.001, 0.25, 0.25, 7]) took.record(value);
  const [prometheus, openMetrics] = textsOf(metrics);
  t.is(
    prometheus,
    `# HELP perdure_things_stored_bytes_total Bytes\\\\of "things",\\nstored.
# TYPE perdure_things_stored_bytes_total counter
perdure_things_stored_bytes_total{kind="a"} 3
# HELP perdure_things_open Open things.
# TYPE perdure_things_open gauge
perdure_things_open 2.5
# HELP perdure_thing_seconds How long a thing takes.
# TYPE perdure_thing_seconds histogram
perdure_thing_seconds_bucket{kind="a",le="0.001"} 1
perdure_thing_seconds_bucket{kind="a",le="0.5"} 3
perdure_thing_seconds_bucket{kind="a",le="2.0"} 3
perdure_thing_seconds_bucket{kind="a",le="+Inf"} 4
perdure_thing_seconds_sum{kind="a"} 7.501
perdure_thing_seconds_count{kind="a"} 4
`,
  );
  t.is(
    openMetrics,
    `# TYPE perdure_things_stored_bytes counter
# UNIT perdure_things_stored_bytes bytes
# HELP perdure_things_stored_bytes Bytes\\\\of \\"things\\",\\nstored.
perdure_things_stored_bytes_total{kind="a"} 3
# TYPE perdure_things_open gauge
# HELP perdure_things_open Open things.
perdure_things_open 2.5
# TYPE perdure_thing_seconds histogram
# UNIT perdure_thing_seconds seconds
# HELP perdure_thing_seconds How long a thing takes.
perdure_thing_seconds_bucket{kind="a",le="0.001"} 1
perdure_thing_seconds_bucket{kind="a",le="0.5"} 3
perdure_thing_seconds_bucket{kind="a",le="2.0"} 3
perdure_thing_seconds_bucket{kind="a",le="+Inf"} 4
perdure_thing_seconds_sum{kind="a"} 7.501
perdure_thing_seconds_count{kind="a"} 4
# EOF
`,
  );
});

test("without a metric both texts are empty", (t) => {
  t.is(metricsText(registry().collect(), PROMETHEUS), "");
  t.is(metricsText(registry().collect(), OPEN_METRICS), "# EOF");
});

test("a sampled trace becomes the example of its bucket, in OpenMetrics only", (t) => {
  const metrics = registry();
  const took = metrics.histogram(TOOK, { kind: "a" });
  took.record(0.1, { ...TRACE, isSampled: false });
  took.record(0.2, { ...TRACE, spanId: "not a span" });
  t.false(textsOf(metrics)[1].includes(" # "));
  took.record(0.3, TRACE);
  took.record(0.4, TRACE);
  const [prometheus, openMetrics] = textsOf(metrics);
  t.false(prometheus.includes("trace_id"));
  const samples = readOpenMetrics(openMetrics).get("perdure_thing_seconds")?.samples ?? [];
  t.deepEqual(
    samples
      .filter(({ exemplar }) => exemplar !== undefined)
      .map(({ labels, exemplar }) => [labels["le"], exemplar]),
    [["0.5", { labels: { trace_id: TRACE.traceId, span_id: TRACE.spanId }, value: 0.4 }]],
  );
});

test("the same labels are the same series, and there is a bound of series", (t) => {
  const metrics = registry();
  for (let i = 0; i < 1_000; i++) metrics.counter(STORED, { kind: `k${i}` }).add(1);
  metrics.counter(STORED, { kind: "k7" }).add(1);
  const samples = readPrometheus(textsOf(metrics)[0]).get("perdure_things_stored_bytes_total")?.samples ?? [];
  t.is(samples.length, 201);
  const valueOf = (kind: string) => samples.find(({ labels }) => labels["kind"] === kind)?.value;
  t.is(valueOf("k7"), 2);
  t.is(valueOf("other"), 800);
});

test("whatever is recorded, a strict reader of each format finds it", (t) => {
  const label = fc.string({ unit: "binary", maxLength: 20 });
  const value = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
  const events = fc.array(fc.tuple(label, value, fc.boolean()), { maxLength: 30 });
  fc.assert(
    fc.property(events, (all) => {
      const metrics = registry();
      const wanted = new Map<string, number>();
      for (const [kind, amount, isSampled] of all) {
        metrics.counter(STORED, { kind }).add(amount);
        metrics.histogram(TOOK, { kind }).record(amount, { ...TRACE, isSampled });
        wanted.set(kind, (wanted.get(kind) ?? 0) + amount);
      }
      metrics.observe(OPEN, () => all.slice(0, 1).map(([, number]) => ({ labels: {}, value: number })));
      const [prometheus, openMetrics] = textsOf(metrics);
      if (all.length === 0) return;
      const total = "perdure_things_stored_bytes_total";
      const read: readonly (readonly ReadSample[] | undefined)[] = [
        readPrometheus(prometheus).get(total)?.samples,
        readOpenMetrics(openMetrics).get("perdure_things_stored_bytes")?.samples,
      ];
      for (const samples of read)
        t.deepEqual(new Map(samples?.map((each) => [each.labels["kind"], each.value])), wanted);
    }),
  );
});

test("OpenMetrics is for those who name it, and prefer it", (t) => {
  const prometheus2 =
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  const prometheus3 =
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
  const asking = [
    prometheus2,
    prometheus3,
    "application/openmetrics-text",
    "Application/OpenMetrics-Text; q=0.5",
  ];
  for (const accept of asking) t.is(acceptedFormat(accept), OPEN_METRICS, accept);
  const others = [
    undefined,
    "",
    "*/*",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;version=2.0.0",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=0.4,text/plain;q=0.5",
    "application/openmetrics-text;q=0.4,text/*;q=0.5",
    "application/openmetrics-text;q=nonsense",
  ];
  for (const accept of others) t.is(acceptedFormat(accept), PROMETHEUS, accept);
  fc.assert(
    fc.property(fc.string(), (accept) => {
      t.true([PROMETHEUS, OPEN_METRICS].includes(acceptedFormat(accept)));
    }),
  );
});

test("without a meter an instrument is one frozen object", (t) => {
  const { meter } = NO_TELEMETRY;
  t.is(meter.counter(STORED, { kind: "a" }), meter.counter(STORED, { kind: "b" }));
  t.true(Object.isFrozen(meter.histogram(TOOK, { kind: "a" })));
});

test("two declarations of one name are a mistake, and so is a label without a value", (t) => {
  const metrics = registry();
  metrics.counter(STORED, { kind: "a" });
  t.throws(() => metrics.counter(counter("things_stored_bytes", ["kind"], "Others."), { kind: "a" }));
  t.throws(() => metrics.histogram(TOOK, {} as { kind: string }));
});
