// SPDX-License-Identifier: Apache-2.0

import type { Attack } from "./attack.ts";
import type { BoundName } from "./bounds.ts";
import { programOf, switchedOff } from "./bounds.ts";

/** What a run is to show: that the proxy withstands the attacks, or that it does not with their bounds switched off. */
export type Goal =
  | { readonly kind: "stand" }
  /** Each attack with all of its own bounds off. */
  | { readonly kind: "prove" }
  /** Runs, with these bounds off, each attack that no other bound holds off. */
  | { readonly kind: "without"; readonly bounds: readonly BoundName[] };

/** One attack by one way, or by several at once. */
export interface Case {
  readonly attack: Attack;
  readonly ways: readonly string[];
  /** Flags of the attacked program. */
  readonly flags: Readonly<Record<string, string>>;
  readonly expected: "stands" | "falls";
  /** Why it cannot be run; undefined if it can. */
  readonly skip: string | undefined;
}

export interface PlanOptions {
  /** As `--only` takes them: names, or `name:way`. Empty: all. */
  readonly only: readonly string[];
  /** Runs all variants of an attack (or its `shortWays`) at once, rather than one after the other. */
  readonly together: boolean;
  readonly goal: Goal;
}

/** The cases of a run, in the order of the attacks. */
export function planCases(attacks: readonly Attack[], { only, together, goal }: PlanOptions): Case[] {
  return attacks
    .filter((attack) => isMeant(attack, goal))
    .flatMap((attack) => {
      const ways = Object.keys(attack.ways).filter((way) => isChosen(attack, way, only, together));
      const groups = together ? [ways] : ways.map((way) => [way]);
      return groups
        .filter((group) => group.length > 0)
        .map((group) => ({ attack, ways: group, ...withGoal(attack, goal) }));
    });
}

/** The names in `only` that match no attack. */
export function unknownNames(attacks: readonly Attack[], only: readonly string[]): string[] {
  const known = new Set(
    attacks.flatMap(({ name, ways }) => [name, ...Object.keys(ways).map((way) => `${name}:${way}`)]),
  );
  return only.filter((name) => !known.has(name));
}

function isChosen(
  { name, shortWays }: Attack,
  way: string,
  only: readonly string[],
  together: boolean,
): boolean {
  if (only.includes(`${name}:${way}`)) return true;
  const isLeftOut = together && shortWays !== undefined && !shortWays.includes(way);
  return (only.length === 0 || only.includes(name)) && !isLeftOut;
}

function isMeant({ bounds }: Attack, goal: Goal): boolean {
  if (goal.kind !== "without") return true;
  return bounds.length > 0 && bounds.every((bound) => goal.bounds.includes(bound));
}

function withGoal({ bounds }: Attack, goal: Goal): Pick<Case, "flags" | "expected" | "skip"> {
  if (goal.kind === "stand") return { flags: {}, expected: "stands", skip: undefined };
  if (bounds.length === 0) return { flags: {}, expected: "falls", skip: "what holds it is no setting" };
  const programs = bounds.map(programOf);
  // Another program does not know their flags.
  const others =
    goal.kind === "without" ? goal.bounds.filter((name) => programs.includes(programOf(name))) : [];
  const switches = switchedOff([...new Set([...bounds, ...others])]);
  if (switches.kind === "off") return { flags: switches.flags, expected: "falls", skip: undefined };
  return { flags: {}, expected: "falls", skip: `this build has no --${switches.names.join(", --")}` };
}
