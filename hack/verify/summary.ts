// SPDX-License-Identifier: Apache-2.0

import type { TestEvent } from "./test-event.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The last line of a run: `N passed, N failed`, followed by `, N skipped` if there are any. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

/** How AVA's process ended: its exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Returns the counts of a test run, and the problems of the run that are not failing tests. Each such problem counts
 * as a failure, so that a run that broke off never passes.
 */
export function judgeTests(
  events: readonly TestEvent[],
  exit: Exit,
): { readonly counts: Counts; readonly problems: readonly string[] } {
  const tests = events.filter((event) => event.kind === "test");
  const count = (outcome: string) => tests.filter((event) => event.outcome === outcome).length;
  const counts = { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
  const problems: string[] = [];

  const end = events.find((event) => event.kind === "end");
  const unreported = (end?.failed ?? 0) - counts.failed;
  const ending = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  if (end === undefined) problems.push(`the run broke off before its summary (${ending})`);
  else if (tests.length === 0) problems.push("no tests ran");
  else if (exit.code !== 0 && counts.failed === 0)
    problems.push(`no test failed, yet the run did (${ending})`);
  if (unreported > 0) problems.push(`${unreported} tests did not run to their end`);

  return { counts: { ...counts, failed: counts.failed + Math.max(problems.length, unreported) }, problems };
}
