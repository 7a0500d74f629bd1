// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { Histogram } from "./histogram.ts";

function of(...values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test("quantiles are those of the sorted values, by nearest rank, within 0.4 %", (t) => {
  const latencies = fc.array(fc.double({ min: 1, max: 4e8, noNaN: true }), { minLength: 1, maxLength: 200 });
  const check = fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
    const sorted = values.toSorted((a, b) => a - b);
    const exact = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN;
    const error = Math.abs(of(...values).quantileUs(fraction) - exact);
    // Half a tick for the rounding, half a bucket for the rest.
    return error <= 0.05001 + exact * 0.004;
  });
  t.notThrows(() => fc.assert(check));
});

test("short latencies are kept to the tenth of a microsecond", (t) => {
  t.is(of(3.14).quantileUs(0.5), 3.1);
  t.is(of(25.5).quantileUs(0.5), 25.5);
});

test("what lies beyond the range is counted at its ends", (t) => {
  t.is(of(-1).quantileUs(1), 0);
  t.true(of(1e12).quantileUs(1) > 4e8);
  t.is(of(-1, 1e12).count, 2);
});

test("an empty histogram has no quantiles", (t) => {
  t.is(new Histogram().quantileUs(0.5), Number.NaN);
});
