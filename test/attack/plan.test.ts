// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Attack } from "./attack.ts";
import type { PlanOptions } from "./plan.ts";
import { planCases, unknownNames } from "./plan.ts";

const nothing = async (): Promise<void> => undefined;
const attack = (name: string, bounds: Attack["bounds"]): Attack => {
  return { name, about: "", bounds, ways: { a: nothing, b: nothing } };
};
const ATTACKS = [
  attack("slow", ["max-buffered-bytes", "headers-timeout"]),
  attack("large", ["max-buffered-bytes"]),
  attack("flood", []),
];

function names(changes: Partial<PlanOptions>): string[] {
  const options: PlanOptions = { only: [], together: false, goal: { kind: "stand" }, ...changes };
  return planCases(ATTACKS, options).map(({ attack: { name }, ways }) => `${name}:${ways.join("+")}`);
}

test("all ways are gone one after the other, or together", (t) => {
  t.deepEqual(names({}), ["slow:a", "slow:b", "large:a", "large:b", "flood:a", "flood:b"]);
  t.deepEqual(names({ together: true }), ["slow:a+b", "large:a+b", "flood:a+b"]);
});

test("together, only the short ways are gone, unless another is named", (t) => {
  const wide: Attack = { ...attack("wide", []), shortWays: ["b"] };
  const ways = (only: readonly string[], together: boolean): (readonly string[])[] =>
    planCases([wide], { only, together, goal: { kind: "stand" } }).map((each) => each.ways);
  t.deepEqual(ways([], true), [["b"]]);
  t.deepEqual(ways(["wide"], true), [["b"]]);
  t.deepEqual(ways(["wide:a"], true), [["a"]]);
  t.deepEqual(ways([], false), [["a"], ["b"]]);
});

test("a program is given the flags of its own bounds", (t) => {
  const bounds: Attack["bounds"] = ["max-buffered-bytes", "webhook-request-timeout"];
  const all = [attack("proxy", ["max-buffered-bytes"]), attack("webhook", ["webhook-request-timeout"])];
  const planned = planCases(all, { only: [], together: true, goal: { kind: "without", bounds } });
  t.deepEqual(
    planned.map(({ flags }) => flags),
    [{ "max-buffered-bytes": "68719476736" }, { "request-timeout": "600000" }],
  );
});

test("attacks and ways are chosen by their names", (t) => {
  t.deepEqual(names({ only: ["large", "slow:b"], together: true }), ["slow:b", "large:a+b"]);
  t.deepEqual(unknownNames(ATTACKS, ["large", "slow:b", "slow:c", "none"]), ["slow:c", "none"]);
});

test("a proof switches all bounds of an attack off, and expects it to succeed", (t) => {
  const [slow] = planCases(ATTACKS, { only: ["slow:a"], together: false, goal: { kind: "prove" } });
  t.deepEqual(slow?.flags, { "max-buffered-bytes": "68719476736", "headers-timeout": "86400000" });
  t.is(slow?.expected, "falls");
  t.is(slow?.skip, undefined);
});

test("what no setting holds cannot be proved", (t) => {
  const [flood] = planCases(ATTACKS, { only: ["flood:a"], together: false, goal: { kind: "prove" } });
  t.is(flood?.skip, "what holds it is no setting");
});

test("without some bounds those attacks succeed that nothing else holds", (t) => {
  const without = (...bounds: Attack["bounds"]): string[] =>
    names({ together: true, goal: { kind: "without", bounds } });
  t.deepEqual(without("max-buffered-bytes"), ["large:a+b"]);
  t.deepEqual(without("max-buffered-bytes", "headers-timeout"), ["slow:a+b", "large:a+b"]);
  t.deepEqual(without("request-timeout"), []);
});
