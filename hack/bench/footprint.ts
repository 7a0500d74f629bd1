// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Children } from "./children.ts";
import { collectedHeapBytes } from "./inspector.ts";
import type { LoaderProcess } from "./loader-process.ts";
import type { LoadCall, LoadJob } from "./messages.ts";
import { startProxyProcess } from "./proxy-process.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { startUserFunction } from "./servers.ts";
import { median } from "./statistics.ts";

export interface FootprintSizes {
  readonly starts: number;
  readonly warmEntities: number;
  /** Events of the entities whose activation is timed. */
  readonly events: number;
  /** How many such entities. */
  readonly activations: number;
  readonly idleMs: number;
}

export const FULL: FootprintSizes = {
  starts: 7,
  warmEntities: 10_000,
  events: 1_000,
  activations: 9,
  idleMs: 1_500,
};
export const QUICK: FootprintSizes = {
  starts: 1,
  warmEntities: 200,
  events: 50,
  activations: 3,
  idleMs: 200,
};

/** What a proxy takes by being there, all with the SQLite log. */
export interface Footprint {
  readonly sizes: FootprintSizes;
  /** From the start of the process to listening, without a user function, with the code compiled by an earlier start. */
  readonly startUpMs: number;
  /** The same for the first start on a machine. */
  readonly firstStartMs: number;
  /** In RAM, without and with a user function. */
  readonly idleBytes: number;
  readonly idleServingBytes: number;
  /** Growth by an entity with one event, after garbage was collected. */
  readonly entityResidentBytes: number;
  readonly entityHeapBytes: number;
  /** First command of an entity, in a proxy that was restarted: every event replayed, and from a snapshot. */
  readonly unpackedMs: number;
  readonly packedMs: number;
}

interface Bench {
  readonly children: Children;
  readonly loader: LoaderProcess;
  readonly folder: string;
  readonly sizes: FootprintSizes;
  readonly say: (text: string) => void;
}

export async function measureFootprint(bench: Bench): Promise<Footprint> {
  const startUp = await measureStartUp(bench);
  const entities = await measureEntities(bench);
  const unpackedMs = await measureActivation(bench, "unpacked", 0);
  // Every tenth of the events is behind the last snapshot.
  const packedMs = await measureActivation(bench, "packed", Math.floor(bench.sizes.events * 0.9));
  return { sizes: bench.sizes, ...startUp, ...entities, unpackedMs, packedMs };
}

async function measureStartUp({ children, folder, sizes, say }: Bench) {
  const start = (name: string) =>
    startProxyProcess(children, {
      log: `sqlite:${join(folder, `start-${name}.db`)}`,
      codeFolder: join(folder, "compiled"),
    });
  say("first start");
  const first = await start("first");
  // What was compiled is kept when the proxy ends as it was asked to, and that needs it to be up.
  await delay(sizes.idleMs);
  await first.stop();

  const startsMs: number[] = [];
  let idleBytes = 0;
  for (let i = 1; i <= sizes.starts; i++) {
    say(`start ${i} of ${sizes.starts}`);
    const proxy = await start(String(i));
    startsMs.push(proxy.startUpMs);
    if (i === sizes.starts) {
      await delay(sizes.idleMs);
      idleBytes = proxy.residentBytes();
    }
    await proxy.stop();
  }
  return { startUpMs: median(startsMs), firstStartMs: first.startUpMs, idleBytes };
}

async function measureEntities({ children, loader, folder, sizes, say }: Bench) {
  const userFunction = await startUserFunction(children);
  const log = `sqlite:${join(folder, "entities.db")}`;
  const userFunctionPort = userFunction.entityPort;
  const idle = await startProxyProcess(children, { log, userFunctionPort });
  await delay(sizes.idleMs);
  const idleServingBytes = idle.residentBytes();
  await idle.stop();

  say(`${sizes.warmEntities} warm entities`);
  const nodeArgs = ["--inspect=127.0.0.1:0"];
  const proxy = await startProxyProcess(children, { log, userFunctionPort, nodeArgs });
  const fill = (firstEntity: number, entities: number) =>
    loader.run("filling entities", eachOnce(proxy.port, "addItem", firstEntity, entities));
  // What the first entities take is not for them alone: code, buffers, the heap's own growth.
  const first = Math.ceil(sizes.warmEntities / 10);
  await fill(0, first);
  const before = await settledMemory(proxy, sizes);
  await fill(first, sizes.warmEntities);
  const after = await settledMemory(proxy, sizes);
  await proxy.stop();
  await userFunction.stop();
  return {
    idleServingBytes,
    entityResidentBytes: (after.residentBytes - before.residentBytes) / sizes.warmEntities,
    entityHeapBytes: (after.heapBytes - before.heapBytes) / sizes.warmEntities,
  };
}

async function settledMemory(proxy: ProxyProcess, { idleMs }: FootprintSizes) {
  if (proxy.inspectorUrl === undefined) throw new Error("the proxy has no inspector");
  await collectedHeapBytes(proxy.inspectorUrl);
  // V8 gives pages back to the system a while later.
  await delay(idleMs);
  const heapBytes = await collectedHeapBytes(proxy.inspectorUrl);
  return { heapBytes, residentBytes: proxy.residentBytes() };
}

/** The median over several entities, each of which is activated once, while nothing else happens. */
async function measureActivation(
  { children, loader, folder, sizes, say }: Bench,
  what: string,
  snapshotEvery: number,
): Promise<number> {
  say(`activation, ${what}`);
  const { events, activations } = sizes;
  const userFunction = await startUserFunction(children, snapshotEvery);
  const log = `sqlite:${join(folder, `activation-${what}.db`)}`;
  const start = () => startProxyProcess(children, { log, userFunctionPort: userFunction.entityPort });

  const writing = await start();
  const history: LoadJob = {
    ...eachOnce(writing.port, "addItem", 0, 2 * activations),
    until: { kind: "calls", perEntity: events },
  };
  await loader.run("writing histories", history);
  await writing.stop();

  const proxy = await start();
  // The first half of them warms the code up.
  await loader.run("warming up activation", eachOnce(proxy.port, "getCart", 0, activations));
  const timesMs: number[] = [];
  for (let entity = activations; entity < 2 * activations; entity++) {
    const { p50Us } = await loader.run(`activating ${entity}`, eachOnce(proxy.port, "getCart", entity, 1));
    timesMs.push(p50Us / 1_000);
  }
  await proxy.stop();
  await userFunction.stop();
  return median(timesMs);
}

const FILLING_CALLERS = 32;

function eachOnce(port: number, call: LoadCall, firstEntity: number, entities: number): LoadJob {
  const callers = Math.min(FILLING_CALLERS, entities);
  const until = { kind: "calls", perEntity: 1 } as const;
  return { port, protocol: "grpc", call, callers, firstEntity, entities, until };
}
