// SPDX-License-Identifier: Apache-2.0

import type { LoadCall, Protocol, PublisherName } from "./messages.ts";

/** Where the proxy of a run keeps its events: in a file (and, for comparison, in memory), or in NATS JetStream. */
export type LogName = "sqlite" | "nats";

/** When the server of NATS syncs: some time later, or before each acknowledgement. */
export type SyncInterval = "default" | "always";

/**
 * The server that answers: the user function itself, a proxy in front of it (named by its log), or a server that only
 * echoes.
 */
export type TargetName = "direct" | "memory" | "sqlite" | "nats default" | "nats always" | "echo";

interface Compared {
  /** Unique together with `durability`. */
  readonly name: string;
  /**
   * Name of the case to which this one is compared. Of several cases with this name, the one of the same durability
   * counts.
   */
  readonly yardstick: string;
  /** What an acknowledged command of the target survives. */
  readonly durability: string;
}

/** Requests, answered by a server. */
export interface CallCase extends Compared {
  readonly kind: "call";
  readonly target: TargetName;
  readonly protocol: Protocol;
  readonly call: LoadCall;
}

/** Records, published to a stream without a proxy. */
export interface PublishCase extends Compared {
  readonly kind: "publish";
  readonly publisher: PublisherName;
  readonly sync: SyncInterval;
}

export type Case = CallCase | PublishCase;

export const SYNC_DURABILITY: Readonly<Record<SyncInterval, string>> = {
  default: "acknowledged-before-fsync",
  always: "fsync-one-node",
};

const DURABILITY: Readonly<Record<TargetName, string>> = {
  direct: "none (no state)",
  memory: "memory",
  sqlite: "fsync-one-node",
  "nats default": SYNC_DURABILITY.default,
  "nats always": SYNC_DURABILITY.always,
  echo: "none (no state)",
};

/** The call without a proxy that each is compared to. */
const YARDSTICK: Readonly<Record<LoadCall, string>> = {
  addItem: "direct call",
  getCart: "direct read",
  addToValue: "direct value write",
  getValue: "direct value read",
  find: "direct action",
};

/** What is measured with each log, in the order in which a round goes through it. */
export const CASES: Readonly<Record<LogName, readonly Case[]>> = {
  sqlite: [
    callCase("direct call", "direct", "grpc", "addItem"),
    callCase("command memory", "memory", "grpc", "addItem"),
    callCase("command sqlite", "sqlite", "grpc", "addItem"),
    callCase("direct read", "direct", "grpc", "getCart"),
    callCase("read memory", "memory", "grpc", "getCart"),
    callCase("read sqlite", "sqlite", "grpc", "getCart"),
    callCase("read http", "sqlite", "http", "getCart"),
    callCase("direct value write", "direct", "grpc", "addToValue"),
    callCase("value write", "sqlite", "grpc", "addToValue"),
    callCase("direct value read", "direct", "grpc", "getValue"),
    callCase("value read", "sqlite", "grpc", "getValue"),
    callCase("direct action", "direct", "grpc", "find"),
    callCase("action", "sqlite", "grpc", "find"),
    callCase("h2 echo", "echo", "h2", "addItem"),
  ],
  nats: [
    callCase("direct call", "direct", "grpc", "addItem"),
    publishCase("bare", "default"),
    publishCase("own", "default"),
    callCase("command", "nats default", "grpc", "addItem"),
    publishCase("bare", "always"),
    publishCase("own", "always"),
    callCase("command", "nats always", "grpc", "addItem"),
    callCase("direct value write", "direct", "grpc", "addToValue"),
    callCase("value write", "nats default", "grpc", "addToValue"),
    callCase("value write", "nats always", "grpc", "addToValue"),
    callCase("direct value read", "direct", "grpc", "getValue"),
    callCase("value read", "nats default", "grpc", "getValue"),
    callCase("direct action", "direct", "grpc", "find"),
    callCase("action", "nats default", "grpc", "find"),
    callCase("h2 echo", "echo", "h2", "addItem"),
  ],
};

function callCase(name: string, target: TargetName, protocol: Protocol, call: LoadCall): CallCase {
  const durability = call === "find" ? "none (no state)" : DURABILITY[target];
  return { kind: "call", name, target, protocol, call, yardstick: YARDSTICK[call], durability };
}

function publishCase(publisher: PublisherName, sync: SyncInterval): PublishCase {
  const durability = SYNC_DURABILITY[sync];
  return {
    kind: "publish",
    name: `${publisher} publish`,
    publisher,
    sync,
    yardstick: "bare publish",
    durability,
  };
}

/** Whether a proxy answers it. */
export function isProxied(measured: Case): measured is CallCase {
  return measured.kind === "call" && measured.target !== "direct" && measured.target !== "echo";
}

/** Names of the log's cases, each once. */
export function caseNames(log: LogName): string[] {
  return [...new Set(CASES[log].map(({ name }) => name))];
}

/** The log's cases of these names with the yardsticks that they need, in the order of `CASES`. */
export function casesWithYardsticks(log: LogName, names: readonly string[]): readonly Case[] {
  const chosen = CASES[log].filter(({ name }) => names.includes(name));
  const wanted = new Set([...chosen, ...chosen.map((each) => yardstickOf(each, CASES[log]))]);
  return CASES[log].filter((each) => wanted.has(each));
}

/** The one of `cases` to which this one is compared. */
export function yardstickOf({ yardstick, durability }: Case, cases: readonly Case[]): Case | undefined {
  const named = cases.filter(({ name }) => name === yardstick);
  return named.find((each) => each.durability === durability) ?? named[0];
}
