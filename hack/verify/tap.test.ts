// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { TapEvent } from "./tap.ts";
import { readTap } from "./tap.ts";

async function read(text: string): Promise<TapEvent[]> {
  const lines = async function* () {
    yield* text.split("\n");
  };
  const events: TapEvent[] = [];
  for await (const event of readTap(lines())) events.push(event);
  return events;
}

test("reads passed, skipped, planned and failed tests with their logs and details", async (t) => {
  const text = `TAP version 13
ok 1 - base › counts # of things
ok 2 - base › later # SKIP
not ok 3 - base › planned # TODO
ok 4 - base › talks
#   seed: 17
#   {
#     a: 1,
#   }
not ok 5 - base › breaks
#   seed: 18
  ---
    name: AssertionError
    details:
      'Difference (- actual, + expected):': |2-
        - 1

        + 2
    at: 'base.test.ts:2:3'
  ...
# base › before hook
# base › beforeEach hook for breaks
#   logged by the hook
# 2 tests remaining in base.test.ts

1..5
# tests 4
# pass 2
# skip 1
# fail 4
`;
  const plain = { kind: "test", logs: [], details: [] } as const;
  t.deepEqual(await read(text), [
    { ...plain, outcome: "passed", title: "base › counts # of things" },
    { ...plain, outcome: "skipped", title: "base › later" },
    { ...plain, outcome: "skipped", title: "base › planned" },
    { ...plain, outcome: "passed", title: "base › talks", logs: ["seed: 17", "{", "  a: 1,", "}"] },
    {
      ...plain,
      outcome: "failed",
      title: "base › breaks",
      logs: ["seed: 18"],
      details: [
        "name: AssertionError",
        "details:",
        "  'Difference (- actual, + expected):': |2-",
        "    - 1",
        "",
        "    + 2",
        "at: 'base.test.ts:2:3'",
      ],
    },
    { kind: "remark", text: "logged by the hook" },
    { kind: "remark", text: "2 tests remaining in base.test.ts" },
    { kind: "end", failed: 3 },
  ]);
});

test("details are data: a line in them that looks like a test is not one", async (t) => {
  const text = "not ok 1 - a\n  ---\n    message: |-\n      ok 2 - b\n    ok 3 - c\n  ...\nok 2 - d\n";
  const events = await read(text);
  t.deepEqual(
    events.map((event) => (event.kind === "test" ? `${event.outcome} ${event.title}` : event.kind)),
    ["failed a", "passed d"],
  );
});

test("output that breaks off keeps what came before and has no end", async (t) => {
  const events = await read("TAP version 13\nok 1 - a\nnot ok 2 - b\n  ---\n    message: cut");
  t.deepEqual(
    events.map((event) => event.kind),
    ["test", "test"],
  );
  t.like(events[1], { outcome: "failed", details: ["message: cut"] });
});
