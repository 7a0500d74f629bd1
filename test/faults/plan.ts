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
  /** SIGKILL of the proxy, and a restart at once. */
  | { readonly kind: "kill proxy"; readonly victim: number }
  /** SIGSTOP and SIGCONT. */
  | { readonly kind: "stop server"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "stop leader"; readonly holdMs: number }
  | { readonly kind: "stop proxy"; readonly victim: number; readonly holdMs: number }
  /** Faults of the connections between proxy and nats-server: see `FaultProxy`. */
  | { readonly kind: "reset"; readonly victim: number }
  | { readonly kind: "cut"; readonly victim: number }
  | { readonly kind: "half-open"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "lose answers"; readonly victim: number; readonly holdMs: number }
  | { readonly kind: "delay"; readonly victim: number; readonly holdMs: number; readonly delayMs: number }
  | { readonly kind: "refuse"; readonly victim: number; readonly holdMs: number }
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
  readonly steps: readonly Step[];
}

export type ScenarioName = "mixed" | "crashes" | "pauses" | "network" | "rivals" | "cluster";

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
}

/** Longer than any fault. */
const VERY_PATIENT_MS = 60_000;

const CRASHES = ["kill server", "kill leader", "kill proxy"] as const;
const PAUSES = ["stop server", "stop leader", "stop proxy"] as const;
const NETWORK = ["reset", "cut", "half-open", "lose answers", "delay", "refuse"] as const;

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
    about: "three proxies that share their carts, each at one of them, and all of the above",
    kinds: [...CRASHES, ...PAUSES, ...NETWORK],
    proxies: 3,
    hasOwners: true,
    entities: 30,
    // So that all others are used while one is stopped.
    patienceMs: 1_000,
    readShare: 0.6,
  },
};

/** Whether no cart is ever at two proxies, so that what callers see must be linearizable. */
export function hasOneOwner({ proxies, scenario }: Pick<RoundPlan, "proxies" | "scenario">): boolean {
  return proxies === 1 || SCENARIOS[scenario].hasOwners === true;
}

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[];

export interface PlanOptions {
  /** Drawn from the seed if it is not given, as are the replicas. */
  readonly scenario?: ScenarioName | undefined;
  readonly replicas?: 1 | 3 | undefined;
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
  const callers = between(random, 16, 64);
  const drawnEntities = pick(random, [4, 30, 200]);
  const drawnPassivationMs = pick(random, [200, 2_000, 30_000]);
  // A single server leads all streams, so the faults of a leader are left out.
  const { proxies = 1, entities = drawnEntities, passivationMs = drawnPassivationMs } = SCENARIOS[scenario];
  const { patienceMs = VERY_PATIENT_MS, readShare = 0.2 } = SCENARIOS[scenario];
  const kinds = SCENARIOS[scenario].kinds.filter((kind) => replicas > 1 || !kind.endsWith("leader"));
  const { extraFaults = 6, shortOnly = false } = options;
  const extra = Array.from({ length: extraFaults }, () => pick(random, kinds));
  const steps = shuffled(random, [...kinds, ...extra]).map((kind) => ({
    afterAcknowledged: between(random, 20, 300),
    fault: drawFault(random, kind, shortOnly),
  }));
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
    steps,
  };
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
      return { kind, downMs: between(random, 0, 1_000) };
    case "stop leader":
      return { kind, holdMs };
    case "half-open":
      return { kind, victim, holdMs: isLong ? between(random, 5_200, 18_000) : holdMs };
    case "delay":
      return { kind, victim, holdMs, delayMs: between(random, 5, 300) };
    case "stop server":
    case "stop proxy":
    case "lose answers":
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
