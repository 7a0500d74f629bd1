// SPDX-License-Identifier: Apache-2.0

import type { LoadCall, Protocol } from "./loader/job.ts";

/** Where the proxies of a run keep their events: in files, or in NATS JetStream. */
export type LogName = "sqlite" | "nats";

/** A log of a proxy. A server of NATS syncs some time later, with `fsync` before each acknowledgement. */
export type LogTarget = "memory" | "sqlite" | "nats" | "nats fsync";

/** What answers: the user function itself, a proxy in front of it, named by its log, or a server that only echoes. */
export type Target = "direct" | "echo" | LogTarget;

export interface Case {
  readonly name: string;
  readonly target: Target;
  readonly protocol: Protocol;
  readonly call: LoadCall;
}

/** The proxies of a run, by their logs. */
const LOG_TARGETS: Readonly<Record<LogName, readonly LogTarget[]>> = {
  sqlite: ["memory", "sqlite"],
  nats: ["nats", "nats fsync"],
};

/** What an acknowledged command survives. */
const DURABILITY: Readonly<Record<Target, string>> = {
  direct: "none (no state)",
  echo: "none (no state)",
  memory: "memory",
  sqlite: "fsync-one-node",
  nats: "acknowledged-before-fsync",
  "nats fsync": "fsync-one-node",
};

/** The call without a proxy to which each is compared. */
const YARDSTICK: Readonly<Record<LoadCall, string>> = {
  addItem: "direct call",
  getCart: "direct read",
  addToValue: "direct value write",
  find: "direct action",
};

/** What is measured with the log, in the order in which a round goes through it. */
export function casesOf(log: LogName): readonly Case[] {
  return [
    made("direct call", "direct", "addItem"),
    ...LOG_TARGETS[log].map((target) => made(`command ${target}`, target, "addItem")),
    made("direct read", "direct", "getCart"),
    made(`read ${log}`, log, "getCart"),
    { ...made("read http", log, "getCart"), protocol: "http" },
    made("direct value write", "direct", "addToValue"),
    made("value write", log, "addToValue"),
    made("direct action", "direct", "find"),
    made("action", log, "find"),
    { ...made("h2 echo", "echo", "addItem"), protocol: "h2" },
  ];
}

function made(name: string, target: Target, call: LoadCall): Case {
  return { name, target, protocol: "grpc", call };
}

/** The logs of which the cases need a proxy. */
export function logTargetsOf(log: LogName, cases: readonly Case[]): readonly LogTarget[] {
  return LOG_TARGETS[log].filter((target) => cases.some((each) => each.target === target));
}

/** Whether a proxy answers it. */
export function isProxied({ target }: Case): boolean {
  return target !== "direct" && target !== "echo";
}

export function durabilityOf({ target, call }: Case): string {
  return call === "find" ? DURABILITY.direct : DURABILITY[target];
}

/** The log's cases of these names with the yardsticks that they need, in the order of `casesOf`. */
export function casesWithYardsticks(log: LogName, names: readonly string[]): readonly Case[] {
  const all = casesOf(log);
  const chosen = all.filter(({ name }) => names.includes(name));
  const wanted = new Set([...chosen, ...chosen.map((each) => yardstickOf(each, all))]);
  return all.filter((each) => wanted.has(each));
}

/** The one of `cases` to which this one is compared. */
export function yardstickOf({ call }: Case, cases: readonly Case[]): Case | undefined {
  return cases.find(({ name }) => name === YARDSTICK[call]);
}
