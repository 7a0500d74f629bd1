// SPDX-License-Identifier: Apache-2.0

import { isLeaseValid } from "../../pkg/cluster/node/mod.ts";

import { Callers } from "./callers.ts";
import { Machine } from "./machine.ts";
import type { Mutant } from "./mutants.ts";
import type { Fault, Plan } from "./plan.ts";
import { describeFault, isCalm } from "./plan.ts";
import { SimulatedProxy } from "./simulated-proxy.ts";
import type { Proxy } from "./world.ts";
import { SHARDS, World } from "./world.ts";

/** So long after the last fault every shard has an owner, and every command an answer. */
const CALM_AFTER_MS = 20_000;
const EXPIRE_EVERY_MS = 500;
/** Callers' shares of two revisions. */
const SHARES = [90, 10];
/** Without faults and slow commands, who stands aside has given all shards away after so long. */
const GIVEN_AWAY_MS = 3_000;
/** When a server notices that a connection is dead. */
const NOTICE_MS = 4_000;

export interface Result {
  /** What went wrong; undefined if nothing did. */
  readonly problem: string | undefined;
  readonly steps: number;
  readonly answered: number;
  readonly trace: readonly string[];
}

export interface RunOptions {
  readonly mutant?: Mutant | undefined;
  readonly isTraced?: boolean;
}

/** Carries out a plan. The same plan gives the same result. */
export function runPlan(plan: Plan, { mutant, isTraced = false }: RunOptions = {}): Result {
  const world = new World({ ...plan, mutant, isTraced, isCalm: isCalm(plan) });
  const { scheduler } = world;
  const pods = plan.pods.map((pod, index) => new Pod(world, pod, `pod-${index}`));
  for (const fault of plan.faults) scheduler.after(fault.atMs, () => begin(fault, world, pods));
  expireNow(world);
  const callers = new Callers(world, plan.seed, plan.callers, plan.busyMs);
  const endMs = Math.max(plan.busyMs, ...plan.faults.map(endOf)) + CALM_AFTER_MS;
  while (world.problem === undefined && scheduler.step(endMs)) checkOwners(world);
  checkEnd(world, callers);
  const { problem, trace } = world;
  return { problem, steps: scheduler.steps, answered: callers.answered, trace };
}

/** A pod, in which one process follows the other. */
class Pod {
  readonly name: string;
  readonly #world: World;
  readonly #plan: Plan["pods"][number];

  constructor(world: World, plan: Plan["pods"][number], name: string) {
    this.#world = world;
    this.#plan = plan;
    this.name = name;
    world.scheduler.after(plan.startMs, () => this.start());
  }

  start(): void {
    const { clockRate, revision, leaseMs } = this.#plan;
    const { scheduler, workRandom: random } = this.#world;
    const machine = new Machine(scheduler, { name: this.name, clockRate, random });
    const about = { revision: `revision-${revision}`, share: SHARES[revision] ?? 0, leaseMs };
    void new SimulatedProxy(this.#world, machine, about);
  }
}

function expireNow(world: World): void {
  world.bucket.expire(world.scheduler.nowMs);
  world.changed();
  world.scheduler.after(EXPIRE_EVERY_MS, () => expireNow(world));
}

function endOf(fault: Fault): number {
  return fault.atMs + ("forMs" in fault ? fault.forMs : 0);
}

function begin(fault: Fault, world: World, pods: readonly Pod[]): void {
  const { scheduler, bucket } = world;
  world.tell("fault", () => describeFault(fault));
  const after = (end: () => void): void => {
    if ("forMs" in fault) scheduler.after(fault.forMs, end);
  };
  if (fault.kind === "loss") {
    world.lossPercent = fault.percent;
    return after(() => (world.lossPercent = 0));
  }
  if (fault.kind === "jump") return bucket.expire(scheduler.nowMs + fault.byMs);
  if ("pod" in fault) return beginAtPod(fault, world, pods[fault.pod]!, after);
  if (fault.kind === "wipe") bucket.wipe(fault.segment, fault.isTraced);
  else bucket[fault.kind]();
  world.changed();
}

function beginAtPod(
  fault: Extract<Fault, { pod: number }>,
  world: World,
  pod: Pod,
  after: (end: () => void) => void,
): void {
  const proxy = world.proxies.get(pod.name);
  // It has not started yet, or is down already.
  if (proxy === undefined) return;
  const { machine } = proxy;
  const { link } = machine;
  const restore = (): void => void Object.assign(link, { sends: true, receives: true, isOpen: true });
  switch (fault.kind) {
    case "pause":
      machine.pause();
      return after(() => machine.resume());
    case "freeze":
      machine.pause();
      link.isOpen = false;
      return after(() => {
        machine.resume();
        restore();
      });
    case "kill":
      kill(world, proxy);
      return after(() => pod.start());
    case "leave":
      return leave(world, proxy, () => after(() => pod.start()));
    case "aside":
      return standAside(world, proxy, fault.forMs);
    case "cut":
      Object.assign(link, { sends: false, receives: false });
      world.scheduler.after(NOTICE_MS, () => (link.isOpen = link.sends && link.receives));
      return after(restore);
    case "mute":
      link.sends = false;
      return after(restore);
    case "deaf":
      link.receives = false;
      return after(restore);
    case "reconnect":
      Object.assign(link, { sends: false, receives: false, isOpen: false });
      return after(restore);
    case "unseen":
      link.isOpen = false;
      return after(restore);
  }
}

function kill(world: World, { machine }: Proxy): void {
  world.proxies.delete(machine.name);
  machine.kill();
}

/** The pod gets SIGTERM: it hands its shards over, and ends when it has left. */
function leave(world: World, proxy: Proxy, then: () => void): void {
  const { machine, node } = proxy;
  proxy.tell(() => "leaves");
  proxy.leave();
  const check = (): void => {
    if (world.proxies.get(machine.name) !== proxy) return;
    if (node.membership.kind !== "left") return machine.after(50, check);
    // What it has taken is answered first.
    world.proxies.delete(machine.name);
    machine.after(3_000, () => {
      machine.kill();
      then();
    });
  };
  check();
}

/** The pod's user function restarts. After a while others have all its shards, if they can. */
function standAside(world: World, proxy: Proxy, forMs: number): void {
  const { machine, node } = proxy;
  // It does so already, or leaves.
  if (node.info.isLeaving) return;
  machine.after(0, () => proxy.standAside());
  world.scheduler.after(forMs, () => {
    const sinceMs = world.scheduler.nowMs - GIVEN_AWAY_MS;
    const isExpected = world.options.isCalm && world.options.slowPercent === 0 && forMs >= GIVEN_AWAY_MS;
    const isTaker = (other: Proxy): boolean => other !== proxy && other.steadySinceMs <= sinceMs;
    if (isExpected && [...world.proxies.values()].some(isTaker) && node.tenures.size > 0)
      world.fail(`${machine.name} stands aside, and still has ${node.tenures.size} shards`);
    machine.after(0, () => proxy.comeBack());
  });
}

/** No two pods may answer for one shard at one moment. */
function checkOwners(world: World): void {
  let taken = 0;
  for (const { node, machine, times } of world.proxies.values()) {
    if (!isLeaseValid(node.membership, machine.monotonicMs(), times)) continue;
    for (const [shard, { kind }] of node.tenures) {
      if (kind !== "serving" && kind !== "draining") continue;
      if ((taken & (1 << shard)) !== 0) world.fail(`two pods may answer for shard ${shard}`);
      taken |= 1 << shard;
    }
  }
}

function checkEnd(world: World, { open }: Callers): void {
  if (world.problem !== undefined) return;
  for (let shard = 0; shard < SHARDS; shard++) {
    const owners = [...world.proxies.values()].filter(
      ({ node }) => node.tenures.get(shard)?.kind === "serving",
    );
    if (owners.length !== 1) world.fail(`shard ${shard} has ${owners.length} owners at the end`);
  }
  for (const { name } of open) world.fail(`${name} was never answered`);
}
