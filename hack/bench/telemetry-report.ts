// SPDX-License-Identifier: Apache-2.0

import { markdownTable } from "markdown-table";
import { median } from "simple-statistics";

import { formatCount, formatNumber } from "./report.ts";
import type { Row } from "./row.ts";
import type { SideEnd } from "./servers.ts";
import type { TelemetryName } from "./telemetry.ts";
import { allowedCost } from "./telemetry.ts";
import type { Starts } from "./telemetry-starts.ts";

/** How much later than the first one a proxy may listen, in milliseconds. */
const ALLOWED_START_MS = 10;

const COMPLAINT = "spans could not be exported";

/** Throughput and processor time with each telemetry beside those with the first one, as a table in Markdown. */
export function telemetryTable(rows: readonly Row[], [first = "off"]: readonly TelemetryName[]): string {
  const head = ["case", "callers", "telemetry", "figure", first, "with it", `÷ ${first}`, "spread", ""];
  const cells = rows.flatMap((row) =>
    (row.changes ?? []).map(({ figure, side = "", before, after, ratio, low, high }) => [
      row.case,
      String(row.callers),
      side,
      figure === "perSecond" ? "per second" : "proxy's processor time, µs",
      formatCount(before),
      formatCount(after),
      ratio.toFixed(3),
      `${low.toFixed(3)} to ${high.toFixed(3)}`,
      figure === "perSecond" ? verdictOf(1 - ratio, allowedCost(first, side)) : "",
    ]),
  );
  return markdownTable([head, ...cells], { align: ["", "r", "", "", "r", "r", "r", "r"] });
}

/** What each telemetry's proxies took and said, over all starts: a table in Markdown. */
export function sidesTable(names: readonly TelemetryName[], ends: readonly (readonly SideEnd[])[]): string {
  const head = [
    "telemetry",
    "memory, peak",
    "lines that spans are lost",
    "other warnings",
    "sent, MiB",
    "requests",
  ];
  const cells = names.map((name, i) => {
    const all = ends[i] ?? [];
    const complaints = all.flatMap((end) => [...end.complaints]);
    const lost = sum(complaints.filter(([message]) => message === COMPLAINT).map(([, count]) => count));
    const received = all.flatMap((end) => end.received ?? []);
    return [
      name,
      `${formatNumber(Math.max(0, ...all.map(({ peakBytes }) => peakBytes)) / 1_048_576)} MiB`,
      String(lost),
      String(sum(complaints.map(([, count]) => count)) - lost),
      received.length === 0 ? "" : formatNumber(sum(received.map(({ bytes }) => bytes)) / 1_048_576),
      received.length === 0 ? "" : formatCount(sum(received.map(({ requests }) => requests))),
    ];
  });
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r", "r"] });
}

/** Times and processor times, with the median of the differences within a round. */
export function startsTable(starts: readonly Starts[]): string {
  const [first] = starts;
  const rounds = first?.timesMs.length ?? 0;
  const head = [
    "telemetry",
    `start to listening, median of ${rounds}`,
    "later",
    "processor time",
    "more",
    "",
  ];
  const cells = starts.map((each) => {
    const more = (what: "timesMs" | "cpuMs") =>
      median(each[what].map((ms, i) => ms - (first?.[what][i] ?? Number.NaN)));
    const verdict = more("timesMs") <= ALLOWED_START_MS ? "ok" : "over";
    return [
      each.name,
      `${formatNumber(median(each.timesMs.slice()))} ms`,
      each === first ? "" : `${more("timesMs").toFixed(1)} ms`,
      `${formatNumber(median(each.cpuMs.slice()))} ms`,
      each === first ? "" : `${more("cpuMs").toFixed(1)} ms`,
      each === first ? "" : `${verdict} (at most ${ALLOWED_START_MS} ms)`,
    ];
  });
  return markdownTable([head, ...cells], { align: ["", "r", "r", "r", "r"] });
}

function verdictOf(cost: number, allowed: number | undefined): string {
  if (allowed === undefined) return "";
  return `${cost <= allowed ? "ok" : "over"} (at most ${(100 * allowed).toFixed(0)} %)`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
