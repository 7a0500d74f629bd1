// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

/** Something that happens to one pod, or to NATS. Times in milliseconds. */
export type Fault = { readonly atMs: number } & (
  | {
      /**
       * `cut`, `mute`, `deaf`: no messages, or none in one direction. `reconnect`: no messages, and NATS knows it.
       * `unseen`: only NATS believes that it is gone. `freeze`: paused, and NATS closed the connection. `aside`: it
       * gives its shards away, and comes back.
       */
      readonly kind:
        | "pause"
        | "freeze"
        | "kill"
        | "leave"
        | "aside"
        | "cut"
        | "mute"
        | "deaf"
        | "reconnect"
        | "unseen";
      readonly pod: number;
      readonly forMs: number;
    }
  /** Messages are lost. */
  | { readonly kind: "loss"; readonly percent: number; readonly forMs: number }
  /** The server's clock jumps: every key that was not renewed meanwhile expires. */
  | { readonly kind: "jump"; readonly byMs: number }
  /** Somebody deletes a key of owners by hand. */
  | { readonly kind: "wipe"; readonly segment: number; readonly isTraced: boolean }
  /** Somebody deletes all keys by hand, or the whole bucket, and it is made anew. */
  | { readonly kind: "purge" | "replace" }
);

export type FaultKind = Fault["kind"];

export interface Plan {
  readonly seed: number;
  /** Of each pod: its clock's rate, when it starts, its revision, and how long its leases are. */
  readonly pods: readonly {
    readonly clockRate: number;
    readonly startMs: number;
    readonly revision: number;
    readonly leaseMs: number;
  }[];
  readonly faults: readonly Fault[];
  /** How many others each member watches. */
  readonly watched: number;
  readonly callers: number;
  /** How many of a hundred commands the user function takes long for. */
  readonly slowPercent: number;
  /** Callers send nothing new afterwards. */
  readonly busyMs: number;
}

/** Clocks differ by less than a fifth, as is assumed. */
const CLOCK_SPREAD = 0.08;
const FAULTS_MS = 9_000;

/** Those of an update that changes the setting. None is longer than a quarter of the time for which a key lives. */
const LEASES_MS = [500, 500, 1_000, 2_500];

/** Faults of a run in which no command may fail. */
const CALM: readonly FaultKind[] = ["leave"];
const WILD: readonly FaultKind[] = [
  "pause",
  "pause",
  "freeze",
  "freeze",
  "kill",
  "leave",
  "cut",
  "mute",
  "deaf",
  "reconnect",
  "unseen",
  "unseen",
  "loss",
  "jump",
  "wipe",
];

export function drawPlan(seed: number): Plan {
  const plan = drawFirst(seed);
  // Seeds that found something keep their plans, so what was added later is drawn apart, and for some seeds only.
  return seed % 5 < 3 ? plan : drawMore(plan, seededRandom(seed * 3 + 100));
}

function drawMore({ faults, pods, ...plan }: Plan, random: Random): Plan {
  const isCalmSoFar = faults.every(isCalmFault);
  const kinds: readonly FaultKind[] = isCalmSoFar ? ["aside"] : ["aside", "aside", "purge", "replace"];
  const count = 1 + randomBelow(random, 2);
  const more = Array.from({ length: count }, () => drawFault(random, kinds, pods.length));
  const hasLeases = !isCalmSoFar && randomBelow(random, 2) === 0;
  const leaseOf = (): number => LEASES_MS[randomBelow(random, LEASES_MS.length)]!;
  return {
    ...plan,
    pods: pods.map((pod) => (hasLeases ? { ...pod, leaseMs: leaseOf() } : pod)),
    faults: [...faults, ...more],
  };
}

function drawFirst(seed: number): Plan {
  const random = seededRandom(seed * 3);
  const pods = 2 + randomBelow(random, 3);
  const kinds = seed % 4 === 0 ? CALM : WILD;
  return {
    seed,
    // Real proxies watch three, which are all that there are here. With fewer, no member is watched by all others.
    watched: seed % 4 === 2 ? 1 : 3,
    pods: Array.from({ length: pods }, (_, pod) => ({
      clockRate: 1 + (random() * 2 - 1) * CLOCK_SPREAD,
      startMs: pod === 0 ? 0 : random() * (randomBelow(random, 2) === 0 ? 100 : 5_000),
      revision: randomBelow(random, 2),
      leaseMs: 500,
    })),
    faults: Array.from({ length: 1 + randomBelow(random, 5) }, () => drawFault(random, kinds, pods)),
    callers: 2 + randomBelow(random, 4),
    slowPercent: [0, 2, 8, 15][randomBelow(random, 4)]!,
    busyMs: FAULTS_MS + 6_000,
  };
}

/** A run without faults but that of pods that come and go as they should. */
export function isCalm({ faults }: Plan): boolean {
  return faults.every(isCalmFault);
}

function isCalmFault({ kind }: Fault): boolean {
  return kind === "leave" || kind === "aside";
}

function drawFault(random: Random, kinds: readonly FaultKind[], pods: number): Fault {
  const atMs = 1_500 + random() * (FAULTS_MS - 1_500);
  const kind = kinds[randomBelow(random, kinds.length)]!;
  // Short ones that a lease outlives, and long ones that nothing does.
  const forMs = randomBelow(random, 2) === 0 ? random() * 2_500 : random() * 13_000;
  if (kind === "loss") return { kind, atMs, percent: 1 + randomBelow(random, 30), forMs };
  if (kind === "jump") return { kind, atMs, byMs: random() * 12_000 };
  if (kind === "purge" || kind === "replace") return { kind, atMs };
  if (kind === "wipe")
    return { kind, atMs, segment: randomBelow(random, 2), isTraced: randomBelow(random, 2) === 0 };
  return { kind, atMs, pod: randomBelow(random, pods), forMs };
}

/** The fault in words. */
export function describeFault(fault: Fault): string {
  const { kind, atMs, ...rest } = fault;
  const details = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === "number" ? Math.round(value) : value}`,
  );
  return `at ${(atMs / 1_000).toFixed(2)} s ${kind}: ${details.join(", ")}`;
}
