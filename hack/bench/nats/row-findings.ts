// SPDX-License-Identifier: Apache-2.0

import { atLeast, atMost } from "../budget.ts";
import type { Finding } from "../budget.ts";
import { SYNC_DURABILITY } from "../cases.ts";
import type { Row } from "../row.ts";

/** With so many callers throughput is judged. */
const MANY = 64;

/** What the rows with NATS say about the budgets (DESIGN §13); a budget whose rows were not measured is left out. */
export function natsRowFindings(rows: readonly Row[]): Finding[] {
  return Object.values(SYNC_DURABILITY).flatMap((durability) => findingsOf(rows, durability));
}

function findingsOf(rows: readonly Row[], durability: string): Finding[] {
  const find = (name: string, callers: number) =>
    rows.find((row) => row.case === name && row.callers === callers && row.durability === durability);
  const stateless = (name: string, callers: number) =>
    rows.find((row) => row.case === name && row.callers === callers);
  const findings: Finding[] = [];

  const [direct, bare, command] = [stateless("direct call", 1), find("bare publish", 1), find("command", 1)];
  if (direct !== undefined && bare !== undefined && command !== undefined) {
    const limitUs = 2 * (bare.p50Us + direct.p50Us);
    findings.push(atMost("command, 1 caller, p50", command.p50Us, "µs", limitUs, durability));
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
