// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";
import fc from "fast-check";

import type { Action, Operation, Outcome, Outputs } from "../../lib/history.ts";
import type { EntityVerdict } from "./checker.ts";
import { checkLinearizability } from "./checker.ts";
import type { Events } from "./generate.ts";
import { executions, isLinearizable, nonsense } from "./generate.ts";
import { MUTATIONS } from "./mutations.ts";

type Row = readonly [
  callUs: number,
  returnUs: number | undefined,
  action: Action,
  output?: Outputs[Action["kind"]],
];

const append = (input: string): Action => ({ kind: "append", input });
const write = (input: string | null): Action => ({ kind: "write", input });
const LIST: Action = { kind: "list" };
const COUNT: Action = { kind: "count" };
const READ: Action = { kind: "read" };

/** Histories by what is right or wrong about them; an operation without a return time has an unknown outcome. */
const RIGHT: Readonly<Record<string, readonly Row[]>> = {
  "one after the other": [
    [1, 2, append("a"), { total: 1 }],
    [3, 4, append("b"), { total: 2 }],
    [5, 6, LIST, ["a", "b"]],
    [7, 8, COUNT, 2],
  ],
  "a read beside a write may see it or not": [
    [1, 9, append("a"), {}],
    [2, 3, LIST, []],
    [4, 5, LIST, ["a"]],
  ],
  "writes side by side in any order": [
    [1, 9, append("a"), { total: 2 }],
    [1, 9, append("b"), { total: 1 }],
    [10, 11, LIST, ["b", "a"]],
  ],
  "an unknown outcome takes effect late": [
    [1, undefined, append("a")],
    [2, 3, LIST, []],
    [4, 5, append("b"), { total: 1 }],
    [6, 7, LIST, ["b", "a"]],
  ],
  "an unknown outcome never takes effect": [
    [1, undefined, append("a")],
    [2, 3, append("b"), { total: 1 }],
    [4, 5, LIST, ["b"]],
  ],
  "a register is replaced and deleted": [
    [1, 2, READ, null],
    [3, 4, write("a"), {}],
    [5, 6, READ, "a"],
    [7, undefined, write(null)],
    [8, 9, READ, "a"],
    [10, 11, READ, null],
  ],
};

interface WrongHistory {
  readonly rows: readonly Row[];
  /** The counterexample, but for its first line and the times. */
  readonly shown: readonly string[];
}

const WRONG: Readonly<Record<string, WrongHistory>> = {
  "a stale read": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, LIST, ["a"]],
      [7, 8, LIST, ["a", "b"]],
    ],
    shown: ["append b → done", "list → [] of its 1 values"],
  },
  "a stale count": {
    rows: [
      [1, 2, append("a"), { total: 1 }],
      [3, 4, append("b"), { total: 2 }],
      [5, 6, COUNT, 1],
    ],
    shown: ["append b → done, total 2", "count → 1"],
  },
  "a lost acknowledged write": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, append("c"), {}],
      [7, 8, LIST, ["a", "c"]],
    ],
    shown: ["append b → done", "list → [] of its 2 values"],
  },
  "a doubled write": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, LIST, ["a", "b", "a"]],
    ],
    shown: ["append a → done", "list → [a, a] of its 3 values"],
  },
  "one total for two writes": {
    rows: [
      [1, 9, append("a"), { total: 1 }],
      [1, 9, append("b"), { total: 2 }],
      [1, 9, append("c"), { total: 2 }],
    ],
    shown: ["append b → done, total 2", "append c → done, total 2"],
  },
  "a read that goes backwards": {
    rows: [
      [1, undefined, append("a")],
      [2, 3, LIST, ["a"]],
      [4, 5, LIST, []],
    ],
    shown: ["append a → no answer", "list → [a]", "list → []"],
  },
  "an answer from another order": {
    rows: [
      [1, 9, append("a"), {}],
      [1, 9, append("b"), {}],
      [2, 5, LIST, ["a", "b"]],
      [3, 6, LIST, ["b"]],
    ],
    shown: ["append a → done", "append b → done", "list → [a, b]", "list → [b]"],
  },
  "a value that nobody wrote": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, LIST, ["a", "x"]],
    ],
    shown: ["list → [x] of its 2 values"],
  },
  "a register that has lost a write": {
    rows: [
      [1, 2, write("a"), {}],
      [3, 4, write("b"), {}],
      [5, 6, READ, "a"],
    ],
    shown: ["write a → done", "write b → done", "read → a"],
  },
  "a register that goes back": {
    rows: [
      [1, 9, write("a"), {}],
      [1, 9, write("b"), {}],
      [2, 3, READ, "a"],
      [4, 5, READ, "b"],
      [6, 7, READ, "a"],
    ],
    shown: ["write a → done", "write b → done", "read → a", "read → b", "read → a"],
  },
};

function operationsOf(entity: string, rows: readonly Row[]): Operation[] {
  return rows.map(([callUs, returnUs, action, output = {}], index) => {
    const outcome: Outcome =
      returnUs === undefined ? { kind: "unknown" } : { kind: "returned", output, returnUs };
    return { entity, process: `p${index}`, action, callUs, outcome };
  });
}

/** The verdicts; undefined, with a line that says so, where there is no checker. */
async function judge(
  t: ExecutionContext,
  operations: readonly Operation[],
  limits: Parameters<typeof checkLinearizability>[1] = {},
): Promise<readonly EntityVerdict[] | undefined> {
  t.timeout(700_000, "building it for the first time may take a minute");
  const result = await checkLinearizability(operations, limits);
  if (result.kind === "judged") return result.verdicts;
  console.log(`linearizability skipped: ${result.reason}`);
  t.pass();
  return undefined;
}

/** Each history as an entity of its own, so that the program is started once. */
function asEntities(all: readonly Events[]): Operation[] {
  return all.flatMap((events, index) => events.map((event) => ({ entity: `e${index}`, ...event })));
}

test("histories that are right pass", async (t) => {
  const all = Object.entries(RIGHT);
  const verdicts = await judge(
    t,
    all.flatMap(([name, rows]) => operationsOf(name, rows)),
  );
  if (verdicts === undefined) return;
  t.deepEqual(
    verdicts.map(({ entity, verdict }) => [entity, verdict]),
    all.map(([name]) => [name, "ok"]),
  );
});

test("histories that are wrong are found, each with the few operations that show it", async (t) => {
  const all = Object.entries(WRONG);
  const verdicts = await judge(
    t,
    all.flatMap(([name, { rows }]) => operationsOf(name, rows)),
  );
  if (verdicts === undefined) return;
  t.deepEqual(
    verdicts.map(({ entity, verdict }) => [entity, verdict]),
    all.map(([name]) => [name, "not linearizable"]),
  );
  for (const { entity, counterexample = [] } of verdicts) {
    const shown = counterexample.slice(1).map((line) => line.replace(/^.* ms, p\d+: /, ""));
    t.deepEqual(shown, WRONG[entity]?.shown, `${entity}: ${counterexample.join("\n")}`);
  }
});

test("entities are judged each by itself, and a line says when and by whom", async (t) => {
  const stale: readonly Row[] = [
    [1_000, 2_000, append("a"), {}],
    [3_500, 4_250, LIST, []],
  ];
  const right: readonly Row[] = [[1, 2, append("a"), {}]];
  const mixed = [...operationsOf("right", right), ...operationsOf("stale", stale)].reverse();
  const verdicts = await judge(t, mixed);
  if (verdicts === undefined) return;
  t.deepEqual(
    verdicts.map(({ entity, verdict }) => [entity, verdict]),
    [
      ["stale", "not linearizable"],
      ["right", "ok"],
    ],
  );
  t.deepEqual(verdicts[0]?.counterexample, [
    "2 of 2 operations, which no order explains:",
    "0.000–1.000 ms, p0: append a → done",
    "2.500–3.250 ms, p1: list → []",
  ]);
});

test("a search that comes to its limit says so, and calls nothing right or wrong", async (t) => {
  // Thirty writes at the same time, and two answers that no order explains: each set of writes has to be tried.
  const writes = Array.from({ length: 30 }, (_, index): Row => [1, 100, write(`v${index}`), {}]);
  const reads = writes.flatMap((_, index): Row[] => [[50, 60, READ, `v${index}`]]);
  const rows: readonly Row[] = [...writes, ...reads, [101, 102, READ, "never written"]];
  for (const limits of [{ memoryLimitMiB: 1 }, { timeLimitMs: 50 }]) {
    const verdicts = await judge(t, operationsOf("hard", rows), limits);
    if (verdicts === undefined) return;
    t.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ["unknown"],
    );
  }
});

test("what is not a history is refused, with the line", async (t) => {
  const both = operationsOf("both", [
    [1, 2, write("a"), {}],
    [3, 4, LIST, []],
  ]);
  const backwards = operationsOf("backwards", [[2, 1, write("a"), {}]]);
  if ((await judge(t, [])) === undefined) return;
  await t.throwsAsync(checkLinearizability(both), {
    message: /ended with 2: .*line 2: both is both a list and a/,
  });
  await t.throwsAsync(checkLinearizability(backwards), { message: /line 1: it returns before it is called/ });
});

test("what was really carried out is linearizable, whatever overlaps and is lost", async (t) => {
  if ((await judge(t, [])) === undefined) return;
  const many = fc.array(executions, { minLength: 100, maxLength: 100 });
  const property = fc.asyncProperty(many, async (all) => {
    const verdicts = (await judge(t, asEntities(all))) ?? [];
    const wrong = verdicts.filter(({ verdict }) => verdict !== "ok");
    t.deepEqual(wrong, []);
  });
  await fc.assert(property, { numRuns: 10 });
  t.pass();
});

test("of small histories it says the same as trying all orders", async (t) => {
  if ((await judge(t, [])) === undefined) return;
  const counts = { ok: 0, "not linearizable": 0, unknown: 0 };
  const many = fc.array(nonsense, { minLength: 500, maxLength: 500 });
  const property = fc.asyncProperty(many, async (all) => {
    const verdicts = (await judge(t, asEntities(all))) ?? [];
    for (const { entity, verdict } of verdicts) {
      counts[verdict]++;
      const events = all[Number(entity.slice(1))] ?? [];
      t.is(verdict, isLinearizable(events) ? "ok" : "not linearizable", JSON.stringify(events));
    }
  });
  await fc.assert(property, { numRuns: 10 });
  t.log(`${counts.ok} linearizable, ${counts["not linearizable"]} not`);
  t.true(Math.min(counts.ok, counts["not linearizable"]) > 500);
});

test("histories with one wrong answer are mostly found", async (t) => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const samples = fc.sample(executions, { numRuns: 1_000, seed });
  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    const mutants = samples.flatMap((events) => mutate(events) ?? []);
    const verdicts = await judge(t, asEntities(mutants));
    if (verdicts === undefined) return;
    const red = verdicts.filter(({ verdict }) => verdict === "not linearizable").length;
    t.log(`${name}: ${red} of ${mutants.length} are found`);
    t.true(mutants.length >= 30 && red > mutants.length / 2, `${name}, seed ${seed}`);
  }
});
