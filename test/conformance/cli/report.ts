// SPDX-License-Identifier: Apache-2.0

import type { Result } from "../suite/run-cases.ts";

/** Styles a text for the terminal. Without colours it returns the text unchanged. */
export type Paint = (style: "green" | "red" | "dim" | "bold", text: string) => string;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The lines about one case. */
export function resultLines({ name, verdict }: Result, paint: Paint): string[] {
  switch (verdict.kind) {
    case "passed":
      return [`  ${paint("green", "passed")}   ${name}`];
    case "skipped":
      return [`  ${paint("dim", "skipped")}  ${name} (there is no ${verdict.missing.join(", ")})`];
    case "failed": {
      const { message, expected, actual } = verdict.error;
      return [
        `  ${paint("red", "failed")}   ${paint("bold", name)}`,
        `             ${message}`,
        ...part("expected", expected, paint),
        ...part("actual", actual, paint),
      ];
    }
  }
}

export function countResults(results: readonly Result[]): Counts {
  const count = (kind: Result["verdict"]["kind"]): number =>
    results.filter(({ verdict }) => verdict.kind === kind).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

/** The last line: `N passed, N failed`, followed by `, N skipped` if there are any. */
export function summaryLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

function part(title: string, text: string | undefined, paint: Paint): string[] {
  if (text === undefined) return [];
  const lines = text.split("\n").map((line) => `               ${line}`);
  return [`             ${paint("dim", title)}`, ...lines];
}
