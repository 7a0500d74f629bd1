// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { Load } from "../loader/job.ts";
import type { Way } from "./cases.ts";
import { caseOf } from "./cases.ts";
import type { PodRows } from "./measure-pod-rows.ts";
import {
  figuresTable,
  forwardCosts,
  forwardTable,
  idleTable,
  podRows,
  throughputTable,
} from "./pods-report.ts";

function load(p50Us: number, perSecond: number): Load {
  return { calls: 100, p50Us, p99Us: 2 * p50Us, perSecond, allCalls: 130, cpuUs: p50Us / 2 };
}

/** Three rounds, of which the second is on a machine that is half as fast. */
function rounds(p50Us: number, perSecond: number): readonly Load[] {
  return [load(p50Us, perSecond), load(2 * p50Us, perSecond / 2), load(p50Us, perSecond)];
}

const FIGURES: Readonly<Record<Way, readonly [p50Us: number, perSecond: number]>> = {
  owner: [1_000, 3_000],
  forwarded: [1_500, 2_000],
  nats: [400, 9_000],
  "any pod": [1_300, 2_400],
  "one pod": [900, 4_000],
};

const ROWS: PodRows = {
  rows: Object.entries(FIGURES).map(([way, [p50Us, perSecond]]) => ({
    measured: caseOf(way as Way, "addItem"),
    callers: 16,
    rounds: rounds(p50Us, perSecond),
  })),
  sizes: new Map([["addItem", { requestBytes: 210, answerBytes: 30 }]]),
};

test("each row is compared with the call at the owner, and names what an answer survives", (t) => {
  const rows = podRows(ROWS);
  t.deepEqual(
    rows.map(({ ratio, throughputRatio, durability }) => [ratio, throughputRatio, durability]),
    [
      [1, 1, "acknowledged-before-fsync"],
      [1.5, 2 / 3, "acknowledged-before-fsync"],
      [0.4, 3, "none (no state)"],
      [1.3, 0.8, "acknowledged-before-fsync"],
      [0.9, 4 / 3, "acknowledged-before-fsync"],
    ],
  );
  t.is(rows[1]?.case, "command, forwarded");
});

test("forwarding costs what a forwarded call takes longer, in requests over NATS of that round", (t) => {
  const costs = forwardCosts(ROWS);
  const cpuUs = [500, 750] as const;
  t.deepEqual(costs, [{ call: "addItem", callers: 16, addedUs: 500, natsUs: 400, ratio: 1.25, cpuUs }]);
  t.regex(forwardTable(costs, ROWS.sizes), /command +\| +16 \| +500 \| +400 \| +1\.25 \| at most 1\.3 \| ok/);
  t.regex(forwardTable(costs, ROWS.sizes), /210 and 30 \| 500 → 750/);
  const dear = costs.map((cost) => ({ ...cost, ratio: 1.31 }));
  t.regex(forwardTable(dear, ROWS.sizes), /1\.31 .* over/);
});

test("the throughput of several pods is a part of that of one", (t) => {
  const table = throughputTable(ROWS, 3);
  t.regex(table, /3 pods, any +\| ÷ one \| 3 pods, owners/);
  t.regex(table, /acknowledged-before-fsync +\| +16 \| +4,000 \| +2,400 \| +0\.60 \| +3,000 \| +0\.75/);
});

test("a time has its median, its range and its budget, if it has them", (t) => {
  const table = figuresTable([
    { what: "claim", values: [25, 31, 28], unit: "ms", budget: 30 },
    { what: "once", values: [612], unit: "ms" },
  ]);
  t.regex(table, /claim \| 28\.0 ms \| 25\.0 to 31\.0, of 3 \| at most 30\.0 ms \| ok/);
  t.regex(table, /once +\| +612 ms \| +\| +\| +\|/);
});

test("idle messages are those of all pods and of each, and those of their logs apart", (t) => {
  const table = idleTable([
    { pods: 1, sent: 1.5, delivered: 1, ofLogs: 16 },
    { pods: 3, sent: 6, delivered: 9, ofLogs: 48 },
  ]);
  t.regex(table, /1 pod +\| +1\.50 \| +1\.00 \| +2\.50 \| +2\.50 \| +16\.0/);
  t.regex(table, /3 pods +\| +6\.00 \| +9\.00 \| +15\.0 \| +5\.00 \| +48\.0/);
});
