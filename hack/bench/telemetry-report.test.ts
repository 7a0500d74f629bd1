// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { casesWithYardsticks } from "./cases.ts";
import { withFirst } from "./change.ts";
import type { Load } from "./loader/job.ts";
import { toRow } from "./row.ts";
import { sidesTable, startsTable, telemetryTable } from "./telemetry-report.ts";

const load = (perSecond: number, cpuUs: number): Load => ({
  calls: 100,
  allCalls: 130,
  p50Us: 1,
  p99Us: 2,
  perSecond,
  cpuUs,
});

test("each telemetry is compared with the first within each round, and judged by what it may cost", (t) => {
  const names = ["off", "unsampled", "sampled"] as const;
  const loads = [
    [load(5_000, 100), load(4_000, 120)],
    [load(4_900, 101), load(3_920, 121)],
    [load(4_000, 130), load(3_200, 156)],
  ];
  const [, command] = casesWithYardsticks("sqlite", ["command sqlite"]);
  if (command === undefined) return t.fail();
  const row = toRow(command, 64, loads[0] ?? [], [], withFirst(names)(64, loads));
  const table = telemetryTable([row], names);
  t.regex(table, /unsampled \| per second .* 4,500 \| +4,410 \| 0\.980 \| .* ok \(at most 3 %\)/);
  t.regex(table, /unsampled \| proxy's processor time, µs \| +110 \| +111 \| 1\.009/);
  t.regex(table, /sampled +\| per second .* 0\.800 \| 0\.800 to 0\.800 \| over \(at most 15 %\)/);
});

test("what each proxy took and said is added up over its starts", (t) => {
  const end = (lost: number, bytes: number) => ({
    peakBytes: bytes,
    complaints: new Map([
      ["spans could not be exported", lost],
      ["other", 1],
    ]),
    received: { requests: 2, bytes },
  });
  const quiet = { peakBytes: 0, complaints: new Map<string, number>(), received: undefined };
  const table = sidesTable(["off", "slow"], [[quiet], [end(1, 2 ** 20), end(2, 2 ** 21)]]);
  t.regex(table, /off +\| +0\.00 MiB \| +0 \| +0 \| +\| +\|/);
  t.regex(table, /slow +\| +2\.00 MiB \| +3 \| +2 \| +3\.00 \| +4 \|/);
});

test("starts are compared within each round", (t) => {
  const table = startsTable([
    { name: "off", timesMs: [100, 200, 300], cpuMs: [50, 60, 70] },
    { name: "unsampled", timesMs: [105, 205, 305], cpuMs: [51, 61, 71] },
    { name: "sampled", timesMs: [111, 211, 290], cpuMs: [52, 62, 72] },
  ]);
  t.regex(table, /median of 3/);
  t.regex(table, /unsampled +\| +205 ms \| +5\.0 ms \| +61\.0 ms \| +1\.0 ms \| ok \(at most 10 ms\)/);
  t.regex(table, /sampled +\| +211 ms \| +11\.0 ms \| +62\.0 ms \| +2\.0 ms \| over/);
});
