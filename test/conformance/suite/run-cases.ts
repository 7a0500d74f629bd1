// SPDX-License-Identifier: Apache-2.0

import type { Case, Group, ProxySide, ServiceSide } from "./case.ts";
import { entityOf } from "./case.ts";
import { ExpectationError } from "./expectation.ts";
import { expectNothingMore } from "./nothing-more.ts";

export type Verdict =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly error: ExpectationError }
  /** The user function does not serve these services, which the case needs. The names are without packages. */
  | { readonly kind: "skipped"; readonly missing: readonly string[] };

export interface Result {
  readonly group: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly durationMs: number;
}

/** What is under test: either side, or both. */
export interface Sides {
  readonly service: ServiceSide | undefined;
  readonly proxy: ProxySide | undefined;
}

/** A case with its group, ready to run. */
export interface Runnable {
  readonly group: string;
  readonly name: string;
  readonly half: Group["half"];
  run(sides: Sides): Promise<Verdict>;
}

/** The cases of groups, in order. */
export function runnable(groups: readonly Group[]): Runnable[] {
  return groups.flatMap(({ title, ...group }): Runnable[] =>
    group.half === "service"
      ? group.cases.map((one) => ({
          group: title,
          name: one.name,
          half: group.half,
          run: ({ service }) => judge(one, present(service), async (side) => side.service.reset()),
        }))
      : group.cases.map((one) => ({
          group: title,
          name: one.name,
          half: group.half,
          run: ({ proxy }) => judge(one, present(proxy), expectNothingMore),
        })),
  );
}

/** Runs the cases one after the other, and yields each result when it is known. */
export async function* runCases(cases: readonly Runnable[], sides: Sides): AsyncGenerator<Result> {
  for (const { group, name, run } of cases) {
    const startedMs = performance.now();
    const verdict = await run(sides);
    yield { group, name, verdict, durationMs: performance.now() - startedMs };
  }
}

async function judge<Side extends ServiceSide | ProxySide>(
  { needs, run }: Case<Side>,
  side: Side,
  afterwards: (side: Side) => Promise<void>,
): Promise<Verdict> {
  const missing = needs.filter((service) => entityOf(side.spec, service) === undefined);
  if (missing.length > 0) return { kind: "skipped", missing: missing.map(({ name }) => name) };
  const [ran, clean] = [await outcomeOf(() => run(side)), await outcomeOf(() => afterwards(side))];
  const error = ran ?? clean;
  return error === undefined ? { kind: "passed" } : { kind: "failed", error };
}

async function outcomeOf(act: () => Promise<void>): Promise<ExpectationError | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof ExpectationError) return error;
    return new ExpectationError(
      `the case broke off: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function present<Side>(side: Side | undefined): Side {
  if (side === undefined) throw new Error("a case was run without what it tests");
  return side;
}
