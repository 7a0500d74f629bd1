// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { casesWithYardsticks } from "./cases.ts";
import { changesOf, verdictOfChange } from "./change.ts";
import type { Load } from "./loader/job.ts";
import type { RunCase } from "./measure-rows.ts";
import { measureRows } from "./measure-rows.ts";
import { changesTable } from "./report.ts";

function load(p50Us: number, perSecond: number): Load {
  return { calls: 100, p50Us, p99Us: 2 * p50Us, perSecond, allCalls: 130 };
}

/** Changes over rounds in which `after` takes `times` as long as `before`, while the machine slows down. */
function changes(callers: number, times: readonly number[]) {
  const before = times.map((_, i) => load(100 * (i + 1), 9_000 / (i + 1)));
  const after = times.map((factor, i) => load(100 * (i + 1) * factor, 9_000 / (i + 1) / factor));
  return changesOf(callers, after, before);
}

function verdicts(times: readonly number[]): string[] {
  return changes(1, times).map(verdictOfChange);
}

const even = (times: number, rounds = 9): number[] => Array.from({ length: rounds }, () => times);

test("ratios are taken within each round, so that a drift of the machine changes none of them", (t) => {
  const [throughput, p50, ...more] = changes(1, [2, 2, 2]);
  t.deepEqual(throughput, {
    figure: "perSecond",
    before: 4_500,
    after: 2_250,
    ratio: 0.5,
    low: 0.5,
    high: 0.5,
  });
  t.deepEqual(p50, { figure: "p50Us", before: 200, after: 400, ratio: 2, low: 2, high: 2 });
  t.deepEqual(more, []);
});

test("many callers are judged by their throughput alone", (t) => {
  t.deepEqual(
    changes(64, [1]).map(({ figure }) => figure),
    ["perSecond"],
  );
});

test("more than 3 % slower is marked in either figure, and faster is not", (t) => {
  t.deepEqual(verdicts(even(1.04)), ["slower", "slower"]);
  t.deepEqual(verdicts(even(1.02)), ["ok", "ok"]);
  t.deepEqual(verdicts(even(0.5)), ["ok", "ok"]);
});

test("a difference that is smaller than the spread of the rounds is told apart", (t) => {
  const unsteady = [0.9, 1.2, 1.05, 0.95, 1.1, 1.05, 0.9];
  t.deepEqual(verdicts(unsteady), ["slower?", "slower?"]);
  t.deepEqual(verdicts([1, 1.1, 1, 1.1, 1]), ["ok?", "ok?"]);
});

test("the spread leaves out as many rounds at its ends as 95 % certainty of the median allows", (t) => {
  const spread = (rounds: number) => {
    const [, p50] = changes(
      1,
      Array.from({ length: rounds }, (_, i) => 1 + i),
    );
    return [p50?.low, p50?.high];
  };
  t.deepEqual(spread(1), [1, 1]);
  t.deepEqual(spread(5), [1, 5]);
  // The probability that all of six rounds are on one side is 2 × (1/2)⁶ = 3 %. The probability that at most one of
  // eight rounds is on the other side is 7 %.
  t.deepEqual(spread(6), [1, 6]);
  t.deepEqual(spread(8), [1, 8]);
  t.deepEqual(spread(9), [2, 8]);
  t.deepEqual(spread(15), [4, 12]);
});

test("each round measures both checkouts one after the other, and another one first than the round before", async (t) => {
  const turns: string[] = [];
  const run = (side: string, perSecond: number): RunCase => {
    return async (what, { name }) => {
      if (what.includes("round")) turns.push(`${name}, ${side}`);
      return load(100, perSecond);
    };
  };
  const life: string[] = [];
  const rows = await measureRows(
    casesWithYardsticks("sqlite", ["command memory"]),
    async (number) => {
      life.push(`start ${number}`);
      return {
        runs: [run("after", 900), run("before", 1_000)],
        [Symbol.asyncDispose]: async () => void life.push(`stop after ${turns.length} turns`),
      };
    },
    { callers: [64], seconds: 1, rounds: 2, starts: 2 },
    () => undefined,
  );
  t.deepEqual(life, ["start 1", "stop after 3 turns", "start 2", "stop after 6 turns"]);
  const direct = "direct call, after";
  const [after, before] = ["command memory, after", "command memory, before"];
  t.deepEqual(turns, [direct, after, before, direct, before, after]);
  const change = { figure: "perSecond", before: 1_000, after: 900, ratio: 0.9, low: 0.9, high: 0.9 } as const;
  t.deepEqual(
    rows.map(({ changes }) => changes),
    [undefined, [change]],
  );
  t.regex(changesTable(rows), /command memory .* 64 \| per second .* 0\.900 \| 0\.900 to 0\.900 \| slower/);
  t.false(changesTable(rows).includes("direct call"), "no proxy answers it");
});
