// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { drawPlan, SCENARIO_NAMES, SCENARIOS } from "./plan.ts";

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

test("a seed gives the same round each time, and another one another", (t) => {
  for (const seed of SEEDS) t.deepEqual(drawPlan(seed), drawPlan(seed));
  // The steps of `rolling` are always the same.
  const drawn = SEEDS.map((seed) => drawPlan(seed)).filter(({ scenario }) => scenario !== "rolling");
  t.is(new Set(drawn.map(({ steps }) => JSON.stringify(steps))).size, drawn.length);
});

test("naming the scenario and the replicas that a seed draws changes nothing", (t) => {
  for (const seed of SEEDS) {
    const plan = drawPlan(seed);
    t.deepEqual(drawPlan(seed, { scenario: plan.scenario, replicas: plan.replicas }), plan);
  }
});

test("seeds draw every scenario, and both numbers of replicas", (t) => {
  const plans = SEEDS.map((seed) => drawPlan(seed));
  t.deepEqual(distinct(plans.map(({ scenario }) => scenario)), distinct(SCENARIO_NAMES));
  t.deepEqual(distinct(plans.map(({ replicas }) => replicas)), ["1", "3"]);
});

test("a round has every kind of its scenario, leaders only where there are several servers", (t) => {
  for (const scenario of SCENARIO_NAMES) {
    const kindsOf = (replicas: 1 | 3) =>
      distinct(
        drawPlan(5, { scenario, replicas, clocks: "bent", extraFaults: 0 }).steps.map(
          ({ fault }) => fault.kind,
        ),
      );
    const { kinds } = SCENARIOS[scenario];
    t.deepEqual(kindsOf(3), distinct(kinds));
    t.deepEqual(kindsOf(1), distinct(kinds.filter((kind) => !kind.endsWith("leader"))));
  }
});

test("16 to 64 callers, and no fault that a log cannot stand", (t) => {
  for (const seed of SEEDS) {
    const { callers, steps } = drawPlan(seed);
    t.true(callers >= 16 && callers <= 64);
    t.false(steps.some(({ fault }) => fault.kind === "lose records"));
  }
});

/** Each distinct value once, as text and sorted. */
function distinct(values: readonly (string | number)[]): string[] {
  return [...new Set(values.map(String))].toSorted((a, b) => a.localeCompare(b));
}
