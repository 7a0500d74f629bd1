// SPDX-License-Identifier: Apache-2.0

import { markdownTable } from "markdown-table";

import { WATCHED } from "../../pkg/cluster/node/mod.ts";

import { Machine } from "./machine.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";
import type { Count, Purpose } from "./traffic.ts";
import { TIMES, World } from "./world.ts";

/** Pods join within so much, and then need so much until nothing moves any more. */
const JOIN_MS = 2_000;
const CALM_MS = 8_000;
/** A number of whole intervals of renewals and heartbeats. */
const COUNT_MS = 10_000;

export interface Size {
  readonly services: number;
  /** Of each service. */
  readonly pods: number;
}

/** What is simulated: one service that grows, and many small ones. */
export const IDLE_SIZES: readonly Size[] = [
  ...[1, 2, 3, 10, 30, 100].map((pods) => ({ services: 1, pods })),
  ...[1, 3].map((pods) => ({ services: 1_000, pods })),
];

/** Messages a second of pods that nobody calls, both those that they send and those that are delivered to them. */
export interface IdleTraffic extends Size {
  readonly heartbeats: number;
  /** Pings, which there are only if a heartbeat is late. */
  readonly pings: number;
  readonly renewals: number;
  /** Deliveries of renewals to those that watch the bucket. */
  readonly news: number;
  readonly all: number;
}

/** Lets pods run in virtual time, and counts what they and NATS send each other, once nothing moves. */
export function simulateIdle({ services, pods }: Size): IdleTraffic {
  const total: Record<Purpose, number> = { heartbeat: 0, talk: 0, request: 0, watch: 0 };
  // Services have nothing in common but their server.
  for (let service = 1; service <= services; service++) {
    const counts = idleService(service, pods);
    for (const purpose of Object.keys(total) as Purpose[]) total[purpose] += sum(counts[purpose]);
  }
  const perSecond = (purpose: Purpose): number => (total[purpose] * 1_000) / COUNT_MS;
  const [heartbeats, pings] = [perSecond("heartbeat"), perSecond("talk")];
  const [renewals, news] = [perSecond("request"), perSecond("watch")];
  return { services, pods, heartbeats, pings, renewals, news, all: heartbeats + pings + renewals + news };
}

/** As a table in Markdown. */
export function idleTable(rows: readonly IdleTraffic[]): string {
  const head = ["services", "pods of each", "heartbeats", "renewals", "their news", "all", "each pod"];
  const cells = rows.map(({ services, pods, heartbeats, pings, renewals, news, all }) =>
    [services, pods, heartbeats + pings, renewals, news, all, all / (services * pods)].map(formatNumber),
  );
  return markdownTable([head, ...cells], { align: head.map(() => "r") });
}

function formatNumber(value: number): string {
  const digits = Number.isInteger(value) || value >= 100 ? 0 : 1;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function sum({ sent, delivered }: Count): number {
  return sent + delivered;
}

/** What was counted while a service was idle. */
function idleService(seed: number, pods: number): Readonly<Record<Purpose, Count>> {
  const calm = { slowPercent: 0, mutant: undefined, isTraced: false, isCalm: true };
  const world = new World({ seed, watched: WATCHED, ...calm });
  const { scheduler, workRandom: random, traffic } = world;
  for (let pod = 0; pod < pods; pod++)
    scheduler.after(random() * JOIN_MS, () => {
      const machine = new Machine(scheduler, { name: `pod-${pod}`, clockRate: 1, random });
      void new SimulatedProxy(world, machine, { revision: "revision-0", share: 100, leaseMs: TIMES.leaseMs });
    });
  runUntil(world, JOIN_MS + CALM_MS);
  const before = structuredClone(traffic.counts);
  runUntil(world, JOIN_MS + CALM_MS + COUNT_MS);
  const during = structuredClone(traffic.counts);
  for (const [purpose, count] of Object.entries(during) as [Purpose, Count][]) {
    count.sent -= before[purpose].sent;
    count.delivered -= before[purpose].delivered;
  }
  return during;
}

function runUntil({ scheduler }: World, endMs: number): void {
  while (scheduler.step(endMs));
}
