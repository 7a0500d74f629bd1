// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { seededRandom } from "../../base/test-doubles/mod.ts";

import { NumberedContext } from "../span-ids.ts";
import type { TraceContext } from "../telemetry.ts";
import { samplerOf } from "./sampler.ts";

const ID = "0".repeat(31) + "1";
const parent = (isSampled: boolean): TraceContext => ({ traceId: ID, spanId: "2".repeat(16), isSampled });

test("the samplers of the specification", (t) => {
  const decisions = (name: string, arg = ""): readonly boolean[] => {
    const { sampler, problem } = samplerOf(name, arg);
    t.is(problem, undefined);
    return [undefined, parent(true), parent(false)].map((each) => sampler({ traceId: ID }, each));
  };
  t.deepEqual(decisions("always_on"), [true, true, true]);
  t.deepEqual(decisions("always_off"), [false, false, false]);
  t.deepEqual(decisions("traceidratio"), [true, true, true], "1 is the default");
  t.deepEqual(decisions("traceidratio", "0"), [false, false, false]);
  t.deepEqual(decisions("parentbased_always_on"), [true, true, false]);
  t.deepEqual(decisions(""), [true, true, false], "the default");
  t.deepEqual(decisions("parentbased_always_off"), [false, true, false]);
  t.deepEqual(decisions("parentbased_traceidratio", "0"), [false, true, false]);
  t.deepEqual(decisions(" ParentBased_TraceIDRatio ", " 1 "), [true, true, false]);
});

test("what is not known is the default, with a warning", (t) => {
  for (const name of [
    "jaeger_remote",
    "parentbased_jaeger_remote",
    "parentbased_",
    "parentbased_parentbased_always_on",
  ]) {
    const { sampler, problem } = samplerOf(name, "");
    t.is(problem, `OTEL_TRACES_SAMPLER: ${name} is not known here`);
    t.deepEqual(
      [sampler({ traceId: ID }, undefined), sampler({ traceId: ID }, parent(false))],
      [true, false],
    );
  }
  for (const arg of ["2", "-0.1", "half", "NaN"]) {
    const { sampler, problem } = samplerOf("parentbased_traceidratio", arg);
    t.is(problem, `OTEL_TRACES_SAMPLER_ARG: ${arg} is not a number from 0 to 1`);
    t.true(sampler({ traceId: ID }, undefined));
  }
});

test("a ratio keeps this part of the traces, and a larger one keeps those too", (t) => {
  const random = seededRandom(1);
  const ids = Array.from({ length: 4_000 }, () => new NumberedContext(random, undefined));
  const ratio = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(ratio, ratio, (one, other) => {
      const kept = (part: number): Set<string> => {
        const { sampler } = samplerOf("traceidratio", String(part));
        return new Set(ids.filter((each) => sampler(each, undefined)).map(({ traceId }) => traceId));
      };
      const [few, many] = [kept(Math.min(one, other)), kept(Math.max(one, other))];
      t.true(few.isSubsetOf(many));
      t.true(Math.abs(few.size / ids.length - Math.min(one, other)) < 0.05);
    }),
    { numRuns: 30 },
  );
});
