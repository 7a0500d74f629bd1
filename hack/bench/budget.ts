// SPDX-License-Identifier: Apache-2.0

import type { Footprint } from "./footprint.ts";
import type { Row } from "./row.ts";

export interface Figure {
  readonly what: string;
  readonly durability: string;
  readonly measured: number;
  readonly unit: string;
}

/** A figure beside what the design allows for it. */
export interface Finding extends Figure {
  readonly budget: { readonly kind: "at most" | "at least"; readonly value: number };
}

const MIB = 1_048_576;
const KIB = 1_024;
const FSYNCED = "fsync-one-node";
const NONE = "-";

/** For each write: its name in the findings, its row, and the row of the same handler without a proxy. */
const WRITES = [
  ["durable command", "command sqlite", "direct call"],
  ["durable value write", "value write", "direct value write"],
] as const;

const READS = { "read sqlite": "warm read", "value read": "warm value read", action: "action" } as const;

export function verdictOf({ measured, budget }: Finding): "ok" | "over" | "under" {
  if (budget.kind === "at most") return measured <= budget.value ? "ok" : "over";
  return measured >= budget.value ? "ok" : "under";
}

/**
 * Compares the rows with the budgets (DESIGN §13). A budget whose rows were not measured is left out. Where the
 * design names JetStream, the SQLite log and a bare synced write are used instead (`natsRowFindings` has JetStream
 * itself).
 *
 * @param syncedWriteUs Time to append a record to a file on this disk and sync it, in microseconds.
 */
export function rowFindings(rows: readonly Row[], syncedWriteUs: number): Finding[] {
  const find = (name: string, callers: number) =>
    rows.find((row) => row.case === name && row.callers === callers);
  const findings: Finding[] = [];
  for (const [what, name, yardstick] of WRITES) {
    const [direct, command] = [find(yardstick, 1), find(name, 1)];
    if (direct === undefined || command === undefined) continue;
    const limitUs = 2 * (syncedWriteUs + direct.p50Us);
    findings.push(atMost(`${what}, 1 caller, p50`, command.p50Us, "µs", limitUs, FSYNCED));
  }
  findings.push(...readFindings(rows));

  const echo = find("h2 echo", 64);
  for (const name of ["command memory", "command sqlite"]) {
    const row = find(name, 64);
    if (row === undefined || echo === undefined) continue;
    const share = row.perSecond / echo.perSecond;
    findings.push(atLeast(`${name}, 64 callers`, share, "of h2 echo", 0.2, row.durability));
  }
  const fsynced = find("command sqlite", 64);
  if (fsynced !== undefined)
    findings.push(atLeast("fsynced commands, 64 callers", fsynced.perSecond, "/s", 8_000, FSYNCED));
  const http = find("read http", 64);
  if (http !== undefined)
    findings.push(atLeast("warm reads over HTTP, 64 callers", http.perSecond, "/s", 20_000, FSYNCED));
  return findings;
}

/**
 * Compares calls that write nothing with the same handler without a proxy. A budget whose rows were not measured is
 * left out.
 */
export function readFindings(rows: readonly Row[]): Finding[] {
  return Object.entries(READS).flatMap(([name, what]) =>
    rows
      .filter((row) => row.case === name && row.callers === 1)
      .map((row) => atMost(`${what}, 1 caller, p50`, row.ratio, "× direct", 2, row.durability)),
  );
}

/** Compares the footprint with its budgets. `peakResidentBytes` is the peak under load, if there was load. */
export function footprintFindings(footprint: Footprint, peakResidentBytes: number | undefined): Finding[] {
  const { sizes, durability, activations, idleBytes, idleServingBytes } = footprint;
  const { startUpMs, uncompiledStartMs, sourcesStartMs } = footprint;
  const findings = [
    atMost(`start to listening in an image, median of ${sizes.starts}`, startUpMs, "ms", 150),
    atMost("start to listening in an image, nothing compiled", uncompiledStartMs, "ms", 150),
    atMost("start to listening from the sources", sourcesStartMs, "ms", 150),
    ...activations.map(({ way, isPacked, ms }) => {
      const limitMs = isPacked ? 10 : 50;
      return atMost(`activation, ${sizes.events} events, ${way}`, ms, "ms", limitMs, durability);
    }),
    atMost("idle proxy, no user function", idleBytes / MIB, "MiB", 80),
    atMost("idle proxy with user function", idleServingBytes / MIB, "MiB", 80),
  ];
  if (peakResidentBytes !== undefined)
    findings.push(atMost("under load, peak", peakResidentBytes / MIB, "MiB", 160));
  const ofEntity = `warm entity, mean of ${sizes.warmEntities}`;
  findings.push(
    atMost(`${ofEntity}, in RAM`, footprint.entityResidentBytes / KIB, "KiB", 16),
    atMost(`${ofEntity}, heap only`, footprint.entityHeapBytes / KIB, "KiB", 16),
  );
  return findings;
}

export function atMost(
  what: string,
  measured: number,
  unit: string,
  value: number,
  durability = NONE,
): Finding {
  return { what, measured, unit, durability, budget: { kind: "at most", value } };
}

export function atLeast(
  what: string,
  measured: number,
  unit: string,
  value: number,
  durability = NONE,
): Finding {
  return { what, measured, unit, durability, budget: { kind: "at least", value } };
}
