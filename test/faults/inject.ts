// SPDX-License-Identifier: Apache-2.0

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import type { FaultProxy } from "../lib/fault-proxy.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { until } from "../lib/until.ts";
import type { Load } from "./load.ts";
import type { Fault } from "./plan.ts";
import type { World } from "./world.ts";
import { BUCKET, eventStreams, withServers } from "./world.ts";

/** How long it waits for a piece to cut, in milliseconds. There may be none. */
const CUT_MS = 200;

/** Carries out a fault. Resolves when the fault is over and everything that was ended runs again. */
export async function inject(world: World, load: Load, fault: Fault): Promise<void> {
  const { servers, proxies } = world;
  switch (fault.kind) {
    case "kill server":
      return crash(world, at(servers, fault.victim), fault.downMs);
    case "kill leader":
      return crash(world, await leader(world), fault.downMs);
    case "kill bucket leader":
      return crash(world, await leader(world, BUCKET), fault.downMs);
    case "stop server":
      return pause(world, at(servers, fault.victim), fault.holdMs);
    case "stop leader":
      return pause(world, await leader(world), fault.holdMs);
    case "kill proxy":
      return at(proxies, fault.victim).crash();
    case "stop proxy":
      return at(proxies, fault.victim).pause(fault.holdMs);
    case "replace proxy":
      return at(proxies, fault.victim).replace(fault.downMs);
    case "flap":
      return flap(world, fault);
    case "wipe bucket":
      return wipeBucket(world, fault.isDeleted);
    case "jump clock":
      for (const clock of world.clocks) clock.jump(fault.bySeconds);
      return;
    case "lose records":
      return loseRecords(world, load, fault.acknowledged);
    case "reset":
      for (const link of linksOf(world, fault.victim)) link.reset();
      return;
    case "cut":
      return hold(linksOf(world, fault.victim), CUT_MS, (link) => void link.cut());
    case "half-open":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => link.halfOpen());
    case "lose answers":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => link.loseAnswers());
    case "lose questions":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => link.loseQuestions());
    case "delay":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => link.delay(fault.delayMs));
    case "refuse":
      return hold(linksOf(world, fault.victim), fault.holdMs, refuse);
  }
}

function refuse(link: FaultProxy): void {
  link.refuse();
  link.resetAll();
}

async function crash(world: World, server: NatsServer, downMs: number): Promise<void> {
  await server.kill("SIGKILL");
  await delay(downMs);
  await server.restart();
  await world.serversReady();
}

async function pause(world: World, server: NatsServer, holdMs: number): Promise<void> {
  await server.kill("SIGSTOP");
  await delay(holdMs);
  await server.kill("SIGCONT");
  await world.serversReady();
}

async function hold(
  links: readonly FaultProxy[],
  holdMs: number,
  begin: (link: FaultProxy) => void,
): Promise<void> {
  for (const link of links) begin(link);
  await delay(holdMs);
  for (const link of links) link.heal();
}

/** How long a proxy is away, and how long it is there again, in milliseconds, at most. */
const FLAP_MS = 1_500;

/** Proxies come and go, each for itself, until the time is over. Then all are there. */
async function flap(world: World, { victim: seed, holdMs }: Extract<Fault, { kind: "flap" }>): Promise<void> {
  const endMs = performance.now() + holdMs;
  await Promise.all(
    world.proxies.map(async (proxy, index) => {
      const random = seededRandom(seed * 64 + index);
      // In a cluster of servers the proxies share the connections, so each only stops and ends.
      const links = world.servers.length > 1 ? [] : linksOf(world, index);
      while (performance.now() < endMs) {
        const awayMs = FLAP_MS * random();
        const way = random();
        if (way < 0.3) await proxy.crash();
        else if (way < 0.6 || links.length === 0) await proxy.pause(awayMs);
        else await hold(links, awayMs, way < 0.8 ? refuse : (link) => link.halfOpen());
        await delay(FLAP_MS * random());
      }
    }),
  );
}

/** By hand, as it were: the proxies are told nothing of it. */
async function wipeBucket(world: World, isDeleted: boolean): Promise<void> {
  await withServers(world, async ({ streams }) => {
    if (isDeleted) await streams.delete(BUCKET);
    else await streams.purge(BUCKET);
  });
}

/** Simulates a loss of power for a server that does not sync its writes: it restarts with old files. */
async function loseRecords(world: World, load: Load, acknowledged: number): Promise<void> {
  const server = at(world.servers, 0);
  const store = join(server.folder, "jetstream");
  const copy = `${store}-copy`;
  await server.kill("SIGKILL");
  cpSync(store, copy, { recursive: true });
  await server.restart();
  await load.moreAcknowledged(acknowledged);
  await server.kill("SIGKILL");
  rmSync(store, { recursive: true });
  cpSync(copy, store, { recursive: true });
  await server.restart();
  await world.serversReady();
}

/** The server that leads a stream; by default the first one of events. */
async function leader(world: World, name?: string): Promise<NatsServer> {
  let found: NatsServer | undefined;
  await until("the stream has a leader", async () => {
    try {
      const leading = await withServers(world, async (manager) => {
        const [stream = ""] = name === undefined ? await eventStreams(manager) : [name];
        return (await manager.streams.info(stream)).cluster?.leader;
      });
      found = world.servers.find((server) => server.name === leading);
    } catch {
      // An election is under way.
    }
    return found !== undefined;
  });
  return found ?? at(world.servers, 0);
}

/**
 * The fault proxy with this number, or all of them in a cluster, because a proxy would otherwise continue with
 * another server.
 */
function linksOf({ servers, links }: World, victim: number): readonly FaultProxy[] {
  return servers.length > 1 ? links : [at(links, victim)];
}

function at<T>(all: readonly T[], index: number): T {
  return all[index % all.length] as T;
}
