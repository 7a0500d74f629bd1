// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { measureActivations } from "./activation.ts";
import type { Activation } from "./activation.ts";
import { eachOnce } from "./entity-calls.ts";
import type { FootprintBench, FootprintSizes } from "./footprint-bench.ts";
import { collectedHeapBytes } from "./inspector.ts";
import { range } from "./messages.ts";
import { startProxyProcess } from "./proxy-process.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { startUserFunction } from "./servers.ts";
import { median } from "./statistics.ts";

/** What a proxy takes by being there, all with the same kind of log. */
export interface Footprint {
  readonly sizes: FootprintSizes;
  /** Of the log. */
  readonly durability: string;
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
  readonly activations: readonly Activation[];
}

export async function measureFootprint(bench: FootprintBench): Promise<Footprint> {
  const startUp = await measureStartUp(bench);
  const entities = await measureEntities(bench);
  const activations = await measureActivations(bench);
  const { sizes, place } = bench;
  return { sizes, durability: place.durability, ...startUp, ...entities, activations };
}

async function measureStartUp({ children, place, folder, sizes, say }: FootprintBench) {
  const start = async (name: string) =>
    startProxyProcess(children, {
      log: await place.newLog(`start-${name}`),
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

async function measureEntities({ children, loader, place, sizes, say }: FootprintBench) {
  const userFunction = await startUserFunction(children);
  const log = await place.newLog("entities");
  const userFunctionPort = userFunction.entityPort;
  const idle = await startProxyProcess(children, { log, userFunctionPort });
  await delay(sizes.idleMs);
  const idleServingBytes = idle.residentBytes();
  await idle.stop();

  say(`${sizes.warmEntities} warm entities`);
  const nodeArgs = ["--inspect=127.0.0.1:0"];
  const proxy = await startProxyProcess(children, { log, userFunctionPort, nodeArgs });
  const fill = (firstEntity: number, count: number) =>
    loader.run("filling entities", eachOnce(proxy.port, "addItem", range(firstEntity, count)));
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
