// SPDX-License-Identifier: Apache-2.0

import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { FaultProxy } from "../lib/fault-proxy.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { until } from "../lib/until.ts";
import type { Load } from "./load.ts";
import type { Fault } from "./plan.ts";
import type { World } from "./world.ts";
import { eventStreams, withServers } from "./world.ts";

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
    case "stop server":
      return pause(world, at(servers, fault.victim), fault.holdMs);
    case "stop leader":
      return pause(world, await leader(world), fault.holdMs);
    case "kill proxy":
      return at(proxies, fault.victim).crash();
    case "stop proxy":
      return at(proxies, fault.victim).pause(fault.holdMs);
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
    case "delay":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => link.delay(fault.delayMs));
    case "refuse":
      return hold(linksOf(world, fault.victim), fault.holdMs, (link) => {
        link.refuse();
        link.resetAll();
      });
  }
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

/** The server that leads the first stream of events. */
async function leader(world: World): Promise<NatsServer> {
  let found: NatsServer | undefined;
  await until("the stream has a leader", async () => {
    try {
      const name = await withServers(world, async (manager) => {
        const [stream = ""] = await eventStreams(manager);
        return (await manager.streams.info(stream)).cluster?.leader;
      });
      found = world.servers.find((server) => server.name === name);
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
