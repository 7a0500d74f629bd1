// SPDX-License-Identifier: Apache-2.0

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { ITEM } from "../carts.ts";
import type { Children } from "../children.ts";
import { checkCart } from "../entity-calls.ts";
import type { JobProcess } from "../job-process.ts";
import { startPublisher } from "../job-process.ts";
import type { LoadJob } from "../messages.ts";
import { range } from "../messages.ts";
import type { ProxyProcess } from "../proxy-process.ts";
import { startProxyProcess } from "../proxy-process.ts";
import { residentBytes } from "../resident-memory.ts";
import { startUserFunction } from "../servers.ts";
import { median } from "../statistics.ts";
import type { Quantiles, RandomSizes } from "./random-entities.ts";
import { activateRandom } from "./random-entities.ts";
import { makeLog, restartServer, startServer } from "./server.ts";

export interface ManyEntitiesSizes extends RandomSizes {
  /** Starts of a proxy. */
  readonly starts: number;
  /** How long a server is idle before its memory is measured, in milliseconds. */
  readonly idleMs: number;
}

export const MANY_FULL: ManyEntitiesSizes = {
  starts: 3,
  warmUp: 500,
  warm: 1_000,
  coldRounds: 8,
  coldPerRound: 8,
  idleMs: 1_500,
};
export const MANY_QUICK: ManyEntitiesSizes = {
  starts: 1,
  warmUp: 50,
  warm: 50,
  coldRounds: 1,
  coldPerRound: 3,
  idleMs: 200,
};

/** What many entities with one event each cost a server of NATS and a proxy. */
export interface ManyEntities {
  readonly entities: number;
  readonly filledPerSecond: number;
  readonly storeBytes: number;
  /** The server's, in RAM: after the filling, after a restart, and when random entities were activated. */
  readonly loadedBytes: number;
  readonly restartedBytes: number;
  readonly usedBytes: number;
  /** From the server's start to its being ready: after an orderly end, and after SIGKILL. */
  readonly restartMs: number;
  readonly recoveryMs: number;
  readonly proxyReadyMs: number;
  /** First command of a random entity. */
  readonly cold: Quantiles;
  readonly warm: Quantiles;
}

interface Bench {
  readonly children: Children;
  readonly loader: JobProcess<LoadJob>;
  readonly folder: string;
  readonly entities: number;
  /** Number of the log's streams. Undefined: the log chooses it. */
  readonly streams: number | undefined;
  readonly sizes: ManyEntitiesSizes;
  readonly say: (text: string) => void;
}

export async function measureManyEntities(bench: Bench): Promise<ManyEntities> {
  const { children, loader, folder, entities, streams, sizes, say } = bench;
  await using server = await startServer(folder, "entities", "default");
  const log = await makeLog(server, "entities", streams);
  const filledPerSecond = await fill(bench, log);
  await delay(sizes.idleMs);
  const loadedBytes = residentBytes(server.pid);
  const storeBytes = folderBytes(server.folder);

  say("restarting the server");
  const recoveryMs = await restartServer(server, "SIGKILL");
  const restartMs = await restartServer(server, "SIGTERM");
  await delay(sizes.idleMs);
  const restartedBytes = residentBytes(server.pid);

  const userFunction = await startUserFunction(children);
  const readyMs: number[] = [];
  let proxy: ProxyProcess | undefined;
  for (let i = 1; i <= sizes.starts; i++) {
    say(`start of a proxy ${i} of ${sizes.starts}`);
    await proxy?.stop();
    proxy = await startProxyProcess(children, { log, userFunctionPort: userFunction.entityPort });
    readyMs.push(proxy.readyMs);
  }
  if (proxy === undefined) throw new Error("no proxy was started");
  // Checks that the records are as a proxy writes them.
  for (const entity of [0, entities - 1]) await checkCart(proxy.port, entity, ITEM.quantity);
  const times = await activateRandom({ loader, server, port: proxy.port, entities, sizes, say });
  const usedBytes = residentBytes(server.pid);
  await proxy.stop();
  await userFunction.stop();
  return {
    entities,
    filledPerSecond,
    storeBytes,
    loadedBytes,
    restartedBytes,
    usedBytes,
    restartMs,
    recoveryMs,
    proxyReadyMs: median(readyMs),
    ...times,
  };
}

const FILLING_CALLERS = 512;
/**
 * The filling is divided into jobs of this many entities, because the time of a job is bounded. Progress is shown
 * after each.
 */
const ENTITIES_PER_JOB = 50_000;

/** Gives each entity its first event. Returns the number of entities per second. */
async function fill({ children, entities, say }: Bench, log: string): Promise<number> {
  const publisher = startPublisher(children, "own");
  const until = { kind: "calls", perEntity: 1 } as const;
  const startedMs = performance.now();
  for (let first = 0; first < entities; first += ENTITIES_PER_JOB) {
    say(`filling ${entities} entities: ${Math.floor((100 * first) / entities)} %`);
    const part = range(first, Math.min(ENTITIES_PER_JOB, entities - first));
    await publisher.run("filling", { log, callers: FILLING_CALLERS, entities: part, until });
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  await publisher.stop();
  return entities / seconds;
}

function folderBytes(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries.filter((each) => each.isFile())) {
    // The server may just have renamed it.
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
