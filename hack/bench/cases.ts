// SPDX-License-Identifier: Apache-2.0

import type { LoadCall, Protocol } from "./messages.ts";

/** Who answers: the user function itself, a proxy in front of it by its log, or a server that does nothing. */
export type TargetName = "direct" | "memory" | "sqlite" | "echo";

export interface Case {
  readonly name: string;
  readonly target: TargetName;
  readonly protocol: Protocol;
  readonly call: LoadCall;
  /** The case without a proxy to which this one is compared. */
  readonly yardstick: string;
  /** What an acknowledged command of the target survives. */
  readonly durability: string;
}

const DURABILITY: Readonly<Record<TargetName, string>> = {
  direct: "none (no state)",
  memory: "memory",
  sqlite: "fsync-one-node",
  echo: "none (no state)",
};

/** What is measured, in the order in which a round goes through it. */
export const CASES: readonly Case[] = [
  caseOf("direct call", "direct", "grpc", "addItem"),
  caseOf("command memory", "memory", "grpc", "addItem"),
  caseOf("command sqlite", "sqlite", "grpc", "addItem"),
  caseOf("direct read", "direct", "grpc", "getCart"),
  caseOf("read memory", "memory", "grpc", "getCart"),
  caseOf("read sqlite", "sqlite", "grpc", "getCart"),
  caseOf("read http", "sqlite", "http", "getCart"),
  caseOf("h2 echo", "echo", "h2", "addItem"),
];

function caseOf(name: string, target: TargetName, protocol: Protocol, call: LoadCall): Case {
  const yardstick = call === "addItem" ? "direct call" : "direct read";
  return { name, target, protocol, call, yardstick, durability: DURABILITY[target] };
}

/** The cases of these names with the yardsticks that they need, in the order of `CASES`. */
export function casesWithYardsticks(names: readonly string[]): readonly Case[] {
  const wanted = new Set(names);
  for (const { name, yardstick } of CASES) if (names.includes(name)) wanted.add(yardstick);
  return CASES.filter(({ name }) => wanted.has(name));
}
