// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

/**
 * A fault. It is over after its `…Ms`. `victim` is any whole number; modulo the number of possible victims it selects
 * one.
 */
export type Fault =
  /** SIGKILL of a nats-server, and a restart. */
  | { readonly kind: "kill server"; readonly victim: number; readonly downMs: number }
  /** The same for the server that leads the stream of events. */
  | { readonly kind: "kill leader"; readonly downMs: number }
  /** The same for the server that leads the stream of members and owners. */
  | { readonly kind: "kill bucket leader"; readonly downMs: number }
  /** SIGKILL of the proxy, and a restart at once. */
  | { readonly kind: "kill proxy"; readonly victim: number }
  /** SIGTERM of the proxy, which is not asked any more, and another one of its name later. */
  | { readonly kind: "replace proxy"; readonly victim: number; readonly downMs: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: "stop server"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "stop leader"; readonly holdMs: number }
  | { readonly kind: "stop proxy"; readonly victim: number; readonly holdMs: number }
  /** Faults of the connections between proxy and nats-server: see `FaultProxy`. */
  | { readonly kind: "reset"; readonly victim: number }
  | { readonly kind: "cut"; readonly victim: number }
  | { readonly kind: "half-open"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "lose answers"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "lose questions"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "delay"; readonly victim: number; readonly holdMs: number; readonly delayMs: number }
  | { readonly kind: "refuse"; readonly victim: number; readonly holdMs: number }
  /** Each proxy for itself is killed, stopped or cut off for a short time, again and again. */
  | { readonly kind: "flap"; readonly victim: number; readonly holdMs: number }
  /** Somebody purges or deletes the stream of members and owners. */
  | { readonly kind: "wipe bucket"; readonly isDeleted: boolean }
  /** The wall clocks of some proxies are wrong by so much from now on. */
  | { readonly kind: "jump clock"; readonly bySeconds: number }
  /**
   * A fault that no scenario draws, because no log withstands it: the server loses the records of the last
   * `acknowledged` commands.
   */
  | { readonly kind: "lose records"; readonly acknowledged: number };

export type FaultKind = Fault["kind"];

/** A fault, and the number of commands that are acknowledged before it, after the previous fault. */
export interface Step {
  readonly afterAcknowledged: number;
  readonly fault: Fault;
}

/** Everything about a round that is decided before it begins. */
export interface RoundPlan {
  readonly seed: number;
  readonly scenario: ScenarioName;
  /** Servers, and copies of the log. */
  readonly replicas: 1 | 3;
  readonly proxies: number;
  readonly callers: number;
  readonly entities: number;
  /** How soon an idle entity leaves the memory of a proxy. */
  readonly passivationMs: number;
  /** After how long a caller gives up, and goes on with another request, perhaps to another proxy. */
  readonly patienceMs: number;
  /** The part of all requests that are reads. */
  readonly readShare: number;
  /** Requests that all callers together begin in a second, approximately. */
  readonly perSecond: number;
  /** After how long without a renewal NATS drops a proxy that shares its carts with others. */
  readonly memberTtlMs: number;
  readonly clocks: Clocks;
  readonly steps: readonly Step[];
}

/**
 * The clocks of proxies that share their carts. `bent`: of one they go slowly and of another one fast, as far as the
 * assumption allows (`docs/guarantees.md`), and the wall clocks of the others may jump.
 */
export type Clocks = "true" | "bent";

export type ScenarioName = "mixed" | "crashes" | "pauses" | "network" | "rivals" | "cluster" | "rolling";

interface Scenario {
  /** One line for people. */
  readonly about: string;
  readonly kinds: readonly FaultKind[];
  /** Default: one. */
  readonly proxies?: number;
  /** Whether each cart is at one of the proxies (`--cluster on`). Default: each believes that all are its own. */
  readonly hasOwners?: boolean;
  /** Default: drawn. */
  readonly entities?: number;
  readonly passivationMs?: number;
  /** Default: long enough that no caller gives up. */
  readonly patienceMs?: number;
  readonly readShare?: number;
  readonly callers?: number;
  readonly perSecond?: number;
  /** Nothing goes wrong, so every request is to be answered. */
  readonly isCalm?: boolean;
}

/** The default, and one that many faults outlast. */
const TTL_MS = 10_000;
const SHORT_TTL_MS = 4_000;

/** A day. */
const MAX_JUMP_S = 86_400;

/** Longer than any fault. */
const VERY_PATIENT_MS = 60_000;

const CRASHES = ["kill server", "kill leader", "kill proxy"] as const;
const PAUSES = ["stop server", "stop leader", "stop proxy"] as const;
const NETWORK = ["reset", "cut", "half-open", "lose answers", "delay", "refuse"] as const;
const OF_CLUSTERS = [
  "replace proxy",
  "lose questions",
  "flap",
  "wipe bucket",
  "jump clock",
  "kill bucket leader",
] as const;

/** Limited, because a round tests faults and not speed. */
const PER_SECOND = 1_500;

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  mixed: { about: "all of the below", kinds: [...CRASHES, ...PAUSES, ...NETWORK] },
  crashes: { about: "SIGKILL of nats-server and of the proxy", kinds: CRASHES },
  pauses: { about: "SIGSTOP and SIGCONT of nats-server and of the proxy", kinds: PAUSES },
  network: {
    about: "resets, cut frames, half-open connections, lost answers, delays, refused connections",
    kinds: NETWORK,
  },
  rivals: {
    about:
      "two proxies that both believe that they own the same few carts, and the above but kill and stop server",
    kinds: ["kill proxy", "stop proxy", "kill leader", "stop leader", ...NETWORK],
    proxies: 2,
    entities: 3,
    // An idle cart soon leaves memory and is read again, so that both proxies finally show the same.
    passivationMs: 500,
  },
  cluster: {
    about:
      "three proxies that share their carts, each at one of them, and all of the above; clocks that go wrong, and a wiped list of owners",
    kinds: [...CRASHES, ...PAUSES, ...NETWORK, ...OF_CLUSTERS],
    proxies: 3,
    hasOwners: true,
    entities: 30,
    // So that all others are used while one is stopped.
    patienceMs: 1_000,
    readShare: 0.6,
  },
  rolling: {
    about:
      "five proxies that share two thousand carts and are replaced one after the other: no request fails",
    kinds: ["replace proxy"],
    proxies: 5,
    hasOwners: true,
    isCalm: true,
    entities: 2_000,
    passivationMs: 30_000,
    readShare: 0.6,
    callers: 32,
    perSecond: 500,
  },
};

/** Whether nothing goes wrong in the round, so that every request is to be answered. */
export function isCalm({ scenario }: Pick<RoundPlan, "scenario">): boolean {
  return SCENARIOS[scenario].isCalm === true;
}

/** Whether no cart is ever at two proxies, so that what callers see must be linearizable. */
export function hasOneOwner({ proxies, scenario }: Pick<RoundPlan, "proxies" | "scenario">): boolean {
  return proxies === 1 || SCENARIOS[scenario].hasOwners === true;
}

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[];

export interface PlanOptions {
  /** Drawn from the seed if it is not given, as are the replicas. */
  readonly scenario?: ScenarioName | undefined;
  readonly replicas?: 1 | 3 | undefined;
  readonly clocks?: Clocks;
  /** Faults beyond one of each kind. */
  readonly extraFaults?: number;
  /** If true, no fault lasts longer than the proxy's time-outs. */
  readonly shortOnly?: boolean;
}

/** The round of a seed: the same one for the same options. */
export function drawPlan(seed: number, options: PlanOptions = {}): RoundPlan {
  const random = seededRandom(seed);
  // Always drawn, even if an option is given, so that the option does not change later draws.
  const drawnScenario = random() < 0.5 ? "mixed" : pick(random, SCENARIO_NAMES);
  const drawnReplicas = random() < 0.25 ? 3 : 1;
  const scenario = options.scenario ?? drawnScenario;
  const replicas = options.replicas ?? drawnReplicas;
  const drawnCallers = between(random, 16, 64);
  const drawnEntities = pick(random, [4, 30, 200]);
  const drawnPassivationMs = pick(random, [200, 2_000, 30_000]);
  // A single server leads all streams, so the faults of a leader are left out.
  const { proxies = 1, entities = drawnEntities, passivationMs = drawnPassivationMs } = SCENARIOS[scenario];
  const { patienceMs = VERY_PATIENT_MS, readShare = 0.2, hasOwners = false } = SCENARIOS[scenario];
  const { callers = drawnCallers, perSecond = PER_SECOND, isCalm = false } = SCENARIOS[scenario];
  // Drawn by those alone that have use for it, so that it does not change what others draw.
  const memberTtlMs = hasOwners && !isCalm ? pick(random, [SHORT_TTL_MS, TTL_MS]) : TTL_MS;
  const drawnClocks = hasOwners && !isCalm ? pick(random, ["true", "bent"] as const) : "true";
  const clocks = options.clocks ?? drawnClocks;
  const isPossible = (kind: FaultKind): boolean =>
    (replicas > 1 || !kind.endsWith("leader")) && (clocks === "bent" || kind !== "jump clock");
  const kinds = SCENARIOS[scenario].kinds.filter(isPossible);
  const { extraFaults = 6, shortOnly = false } = options;
  const extra = Array.from({ length: extraFaults }, () => pick(random, kinds));
  const drawnSteps = shuffled(random, [...kinds, ...extra]).map((kind) => ({
    afterAcknowledged: between(random, 20, 300),
    fault: drawFault(random, kind, shortOnly),
  }));
  const steps = isCalm ? rollingSteps(proxies) : drawnSteps;
  return {
    seed,
    scenario,
    replicas,
    proxies,
    callers,
    entities,
    passivationMs,
    patienceMs,
    readShare,
    perSecond,
    memberTtlMs,
    clocks,
    steps,
  };
}

/** One proxy goes and another one comes, then each is replaced at once. Before the first step the rate is steady. */
function rollingSteps(proxies: number): Step[] {
  const replace = (victim: number, downMs: number): Fault => ({ kind: "replace proxy", victim, downMs });
  return [
    { afterAcknowledged: 2_000, fault: replace(proxies - 1, 3_000) },
    ...Array.from({ length: proxies }, (_, victim) => ({
      afterAcknowledged: 200,
      fault: replace(victim, 0),
    })),
  ];
}

function drawFault(random: Random, kind: FaultKind, shortOnly: boolean): Fault {
  const victim = randomBelow(random, 64);
  // The proxy gives a request up after 5 s, and a connection after 10 to 15 s without a sign of life.
  const isLong = random() < 0.15 && !shortOnly;
  const holdMs = isLong ? between(random, 5_200, 8_000) : between(random, 50, 1_500);
  switch (kind) {
    case "kill server":
      return { kind, victim, downMs: between(random, 0, 1_000) };
    case "kill leader":
    case "kill bucket leader":
      return { kind, downMs: between(random, 0, 1_000) };
    case "replace proxy":
      return { kind, victim, downMs: isLong ? between(random, 1_000, 3_000) : 0 };
    case "flap":
      return { kind, victim, holdMs: between(random, 2_000, isLong ? 15_000 : 5_000) };
    case "wipe bucket":
      return { kind, isDeleted: random() < 0.5 };
    case "jump clock":
      return { kind, bySeconds: between(random, -MAX_JUMP_S, MAX_JUMP_S) };
    case "stop leader":
      return { kind, holdMs };
    case "half-open":
      return { kind, victim, holdMs: isLong ? between(random, 5_200, 18_000) : holdMs };
    case "delay":
      return { kind, victim, holdMs, delayMs: between(random, 5, 300) };
    case "stop server":
    case "stop proxy":
    case "lose answers":
    case "lose questions":
    case "refuse":
      return { kind, victim, holdMs };
    case "kill proxy":
    case "reset":
    case "cut":
      return { kind, victim };
    case "lose records":
      return { kind, acknowledged: between(random, 50, 200) };
  }
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[randomBelow(random, from.length)] as T;
}

/** A whole number from `min` to `max`. */
function between(random: Random, min: number, max: number): number {
  return min + randomBelow(random, max - min + 1);
}

/** Fisher and Yates. */
function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
