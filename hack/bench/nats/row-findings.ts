// SPDX-License-Identifier: Apache-2.0

import type { Finding } from "../budget.ts";
import { atLeast, atMost, readFindings } from "../budget.ts";
import { SYNC_DURABILITY } from "../cases.ts";
import type { Row } from "../row.ts";

/** Number of callers at which throughput is compared with its budget. */
const MANY = 64;

/** Each with the same handler without a proxy. */
const WRITES = [
  ["command", "direct call"],
  ["value write", "direct value write"],
] as const;

/** What the rows with NATS say about the budgets (DESIGN §13); a budget whose rows were not measured is left out. */
export function natsRowFindings(rows: readonly Row[]): Finding[] {
  const findings = Object.values(SYNC_DURABILITY).flatMap((durability) => findingsOf(rows, durability));
  return [...findings, ...readFindings(rows)];
}

function findingsOf(rows: readonly Row[], durability: string): Finding[] {
  const find = (name: string, callers: number) =>
    rows.find((row) => row.case === name && row.callers === callers && row.durability === durability);
  const stateless = (name: string, callers: number) =>
    rows.find((row) => row.case === name && row.callers === callers);
  const findings: Finding[] = [];

  for (const [name, yardstick] of WRITES) {
    const [direct, bare, write] = [stateless(yardstick, 1), find("bare publish", 1), find(name, 1)];
    if (direct === undefined || bare === undefined || write === undefined) continue;
    const limitUs = 2 * (bare.p50Us + direct.p50Us);
    findings.push(atMost(`${name}, 1 caller, p50`, write.p50Us, "µs", limitUs, durability));
  }
  const [library, own] = [find("bare publish", MANY), find("own publish", MANY)];
  if (library?.perCpuSecond !== undefined && own?.perCpuSecond !== undefined) {
    const times = own.perCpuSecond / library.perCpuSecond;
    const what = `own publish, ${MANY} callers, per CPU second`;
    findings.push(atLeast(what, times, "× bare publish", 2, durability));
  }
  const [echo, commands] = [stateless("h2 echo", MANY), find("command", MANY)];
  if (echo !== undefined && commands !== undefined) {
    const share = commands.perSecond / echo.perSecond;
    findings.push(atLeast(`commands, ${MANY} callers`, share, "of h2 echo", 0.2, durability));
  }
  if (commands !== undefined && durability === SYNC_DURABILITY.always) {
    findings.push(atLeast(`fsynced commands, ${MANY} callers`, commands.perSecond, "/s", 8_000, durability));
  }
  return findings;
}
