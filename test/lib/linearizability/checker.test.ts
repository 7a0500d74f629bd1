// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";
import fc from "fast-check";

import type { Operation, Outcome } from "../history.ts";
import type { EntityVerdict } from "./checker.ts";
import { checkLinearizability } from "./checker.ts";
import type { Events } from "./generate.ts";
import { executions, isLinearizable, nonsense } from "./generate.ts";
import { MUTATIONS } from "./mutations.ts";
import type { Row } from "./table.ts";
import { append, LIST, READ, RIGHT, WRONG, write } from "./table.ts";

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
  // Always the same, so that the counts are.
  const samples = fc.sample(executions, { numRuns: 600, seed: 1 });
  for (const [name, mutate] of Object.entries(MUTATIONS)) {
    const mutants = samples.flatMap((events) => mutate(events) ?? []);
    const verdicts = await judge(t, asEntities(mutants));
    if (verdicts === undefined) return;
    const red = verdicts.filter(({ verdict }) => verdict === "not linearizable").length;
    t.log(`${name}: ${red} of ${mutants.length} are found`);
    t.true(mutants.length >= 20 && red > mutants.length / 2, name);
  }
});
