// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { HistoryRecorder, monotonicUs, storiesOf } from "./history.ts";

/** A recorder whose clock shows 1, 2, 3 and so on. */
function recorder(): HistoryRecorder {
  let now = 0;
  return new HistoryRecorder(() => ++now);
}

test("an operation has the times of its call and its answer; without an answer its outcome is unknown", (t) => {
  const history = recorder();
  const first = history.begin("cart", "ann", { kind: "append", input: "a" });
  history.begin("cart", "bob", { kind: "append", input: "b" });
  first.returned({ total: 1 });
  history.begin("cart", "ann", { kind: "append", input: "c" }).refused();
  t.deepEqual(history.operations, [
    {
      entity: "cart",
      process: "ann",
      action: { kind: "append", input: "a" },
      callUs: 1,
      outcome: { kind: "returned", output: { total: 1 }, returnUs: 3 },
    },
    {
      entity: "cart",
      process: "bob",
      action: { kind: "append", input: "b" },
      callUs: 2,
      outcome: { kind: "unknown" },
    },
    {
      entity: "cart",
      process: "ann",
      action: { kind: "append", input: "c" },
      callUs: 4,
      outcome: { kind: "refused" },
    },
  ]);
});

test("a history is what the checker of stored records takes, by entity", (t) => {
  const history = recorder();
  history.begin("cart-1", "ann", { kind: "append", input: "a" }).returned({});
  history.begin("cart-1", "ann", { kind: "append", input: "b" });
  history.begin("cart-1", "ann", { kind: "append", input: "c" }).refused();
  history.begin("cart-1", "bob", { kind: "list" }).returned(["a"]);
  history.begin("cart-1", "bob", { kind: "list" });
  history.begin("cart-2", "bob", { kind: "list" });
  const stories = storiesOf(history.operations);
  t.deepEqual([...stories.keys()], ["cart-1", "cart-2"]);
  t.deepEqual(stories.get("cart-1"), {
    acknowledged: ["a"],
    unacknowledged: ["b"],
    refused: ["c"],
    times: new Map([
      ["a", { sentAt: 1, answeredAt: 2 }],
      ["b", { sentAt: 3, answeredAt: Number.POSITIVE_INFINITY }],
      ["c", { sentAt: 4, answeredAt: Number.POSITIVE_INFINITY }],
    ]),
    sights: [{ tokens: ["a"], sentAt: 5, answeredAt: 6 }],
  });
});

test("the clock counts whole microseconds and never goes back", (t) => {
  const first = monotonicUs();
  const second = monotonicUs();
  t.true(Number.isSafeInteger(first) && second >= first);
});
