// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { entitiesReport } from "./entities-report.ts";

const IDLE = { kind: "value", state: "idle", waiting: 0, oldest: undefined } as const;

test("entities are counted by type and state, and those whose callers wait longest are named", (t) => {
  const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", isSampled: true };
  const open = { type: "till", kind: "event sourced", state: "open" } as const;
  const report = entitiesReport(
    [
      { ...IDLE, type: "cart", id: "ann" },
      { ...open, id: "1", waiting: 2, oldest: { arrivedMs: 700, trace } },
      { ...IDLE, type: "cart", id: "bob" },
      { ...open, id: "2", waiting: 0, oldest: { arrivedMs: 900, trace: undefined } },
      { ...open, id: "3", waiting: 1, state: "appending", oldest: { arrivedMs: 300, trace: undefined } },
    ],
    1_000,
  );
  t.deepEqual(report.types, [
    { kind: "value", type: "cart", states: { idle: 2 }, waiting: 0, longestMs: 0 },
    { kind: "event sourced", type: "till", states: { open: 2, appending: 1 }, waiting: 3, longestMs: 700 },
  ]);
  const busy = { type: "till", state: "open", waiting: 0, trace: undefined };
  t.deepEqual(report.busiest, [
    { ...busy, id: "3", state: "appending", waiting: 1, longestMs: 700 },
    { ...busy, id: "1", waiting: 2, longestMs: 300, trace },
    { ...busy, id: "2", longestMs: 100 },
  ]);
});

test("however many entities there are, ten are named (I11)", (t) => {
  const all = Array.from({ length: 1_000 }, (_, index) => ({
    ...IDLE,
    type: "cart",
    id: String(index),
    oldest: { arrivedMs: (index * 7) % 1_000, trace: undefined },
  }));
  const { types, busiest } = entitiesReport(all, 1_000);
  t.is(types[0]?.states.idle, 1_000);
  t.deepEqual(
    busiest.map(({ longestMs }) => longestMs),
    [1_000, 999, 998, 997, 996, 995, 994, 993, 992, 991],
  );
});
