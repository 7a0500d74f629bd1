// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { duration, shownDuration } from "./duration.ts";
import { refusalText } from "./form.ts";
import { listOf, oneOf } from "./forms.ts";
import { quantity } from "./quantity.ts";

test("times and quantities are written as Kubernetes and Knative write them", (t) => {
  const time = duration({ min: 1, max: 86_400_000 });
  const cases: readonly (readonly [string, number])[] = [
    ["500ms", 500],
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["24h", 86_400_000],
  ];
  for (const [text, value] of cases) t.deepEqual(time.read(text), { value });
  for (const text of ["", "30", "0s", "25h", "-1s", "1d", "1s ", "s", "9999999999999h"])
    t.true("mustBe" in time.read(text), text);
  const amounts: readonly (readonly [string, number])[] = [
    ["100m", 0.1],
    ["2", 2],
    ["1.5", 1.5],
    ["1k", 1_000],
    ["128Mi", 134_217_728],
    ["1G", 1e9],
  ];
  for (const [text, amount] of amounts) t.deepEqual(quantity.read(text), { value: { text, amount } });
  for (const text of ["", "0", "-1", "1mi", "Mi", "1 Gi", "1e3", "NaN"])
    t.true("mustBe" in quantity.read(text), text);
});

test("every time is read as it is written", (t) => {
  t.deepEqual([500, 45_000, 60_000, 90_000, 86_400_000].map(shownDuration), [
    "500ms",
    "45s",
    "1m",
    "1m30s",
    "24h",
  ]);
  const time = duration({ min: 0, max: 86_400_000 });
  const property = fc.property(fc.integer({ min: 0, max: 86_400_000 }), (value) => {
    t.deepEqual(time.read(time.write(value)), { value });
  });
  fc.assert(property);
});

test("a list is refused for one of its parts, and says which form each has", (t) => {
  const counts = listOf(oneOf([1, 2, 4]), "`1`");
  t.deepEqual(counts.read(" 1  4 "), { value: [1, 4] });
  t.deepEqual(counts.read("1 3"), { mustBe: "a list with blanks between its parts, each 1, 2 or 4" });
});

test("a refusal is a sentence about the setting, without a password and not too long", (t) => {
  const must = { mustBe: "true or false" };
  t.is(refusalText("--check", {}, "maybe", must), '--check must be true or false, not "maybe"');
  t.is(refusalText("--check", { isSecret: true }, "maybe", must), "--check must be true or false");
  t.is(
    refusalText("log", {}, "nats://me:hidden@a", { mustBe: "memory:", because: "it is a test" }),
    'log must be memory:, not "nats://…@a", because it is a test',
  );
  t.true(refusalText("log", {}, "x".repeat(10_000), must).length < 150);
});
