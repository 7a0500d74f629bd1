// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { bundle } from "../bundle/bundle.ts";
import { programOf } from "../bundle/programs.ts";
import type { Activation } from "./activation.ts";
import { measureActivations } from "./activation.ts";
import { eachOnce } from "./entity-calls.ts";
import type { FootprintBench, FootprintSizes } from "./footprint-bench.ts";
import { collectedHeapBytes } from "./inspector.ts";
import { range } from "./messages.ts";
import type { ProxyProcess, ProxySettings } from "./proxy-process.ts";
import { startProxyProcess } from "./proxy-process.ts";
import { startUserFunction } from "./servers.ts";
import { median } from "./statistics.ts";

/** What a proxy costs without load: time to start, memory and activations. All with the same kind of log. */
export interface Footprint {
  readonly sizes: FootprintSizes;
  /** The log's durability. */
  readonly durability: string;
  /**
   * Time from the start of the process to listening, without a user function, as in an image: one file, already
   * compiled.
   */
  readonly startUpMs: number;
  /** The same where the compiled code does not fit. */
  readonly uncompiledStartMs: number;
  /** The same from the sources, with the code compiled by an earlier start. */
  readonly sourcesStartMs: number;
  /** In RAM, without and with a user function. */
  readonly idleBytes: number;
  readonly idleServingBytes: number;
  /** Growth by an entity with one event, after garbage was collected. */
  readonly entityResidentBytes: number;
  readonly entityHeapBytes: number;
  readonly activations: readonly Activation[];
}

export async function measureFootprint(bench: FootprintBench): Promise<Footprint> {
  const main = await bundleProxy(bench);
  const startUp = await measureStartUp(bench, main);
  const entities = await measureEntities(bench, main);
  const activations = await measureActivations(bench);
  const { sizes, place } = bench;
  return { sizes, durability: place.durability, ...startUp, ...entities, activations };
}

/** Bundles the proxy as images have it. Returns its main file. */
async function bundleProxy({ folder, say }: FootprintBench): Promise<URL> {
  say("bundling");
  const bundled = join(folder, "bundled");
  await bundle(programOf("proxy").entry, bundled);
  return pathToFileURL(join(bundled, "main.mjs"));
}

async function measureStartUp(bench: FootprintBench, main: URL) {
  const { folder, sizes } = bench;
  const compiled = (name: string): Partial<ProxySettings> => ({ codeFolder: join(folder, "compiled", name) });
  // The first start compiles the code and keeps it for the following starts.
  await measureStarts(bench, "first in an image", 1, { main, ...compiled("image") });
  const image = await measureStarts(bench, "in an image", sizes.starts, { main, ...compiled("image") });
  const uncompiled = await measureStarts(bench, "uncompiled", sizes.starts, { main });
  await measureStarts(bench, "first from sources", 1, compiled("sources"));
  const sources = await measureStarts(bench, "from sources", sizes.starts, compiled("sources"));
  return {
    startUpMs: image.startMs,
    uncompiledStartMs: uncompiled.startMs,
    sourcesStartMs: sources.startMs,
    idleBytes: image.idleBytes,
  };
}

/** Starts a proxy `starts` times. Returns the median time, and the memory of the last proxy when idle. */
async function measureStarts(
  { children, place, sizes, say }: FootprintBench,
  name: string,
  starts: number,
  settings: Partial<ProxySettings>,
): Promise<{ readonly startMs: number; readonly idleBytes: number }> {
  const startsMs: number[] = [];
  let idleBytes = 0;
  for (let i = 1; i <= starts; i++) {
    say(`start ${i} of ${starts}, ${name}`);
    const log = await place.newLog(`start-${name.replaceAll(" ", "-")}-${i}`);
    const proxy = await startProxyProcess(children, { log, ...settings });
    startsMs.push(proxy.startUpMs);
    if (i === starts) {
      await delay(sizes.idleMs);
      idleBytes = proxy.residentBytes();
    }
    await proxy.stop();
  }
  return { startMs: median(startsMs), idleBytes };
}

async function measureEntities({ children, loader, place, sizes, say }: FootprintBench, main: URL) {
  const userFunction = await startUserFunction(children);
  const log = await place.newLog("entities");
  const userFunctionPort = userFunction.entityPort;
  const idle = await startProxyProcess(children, { log, userFunctionPort, main });
  await delay(sizes.idleMs);
  const idleServingBytes = idle.residentBytes();
  await idle.stop();

  say(`${sizes.warmEntities} warm entities`);
  const nodeArgs = ["--inspect=127.0.0.1:0"];
  const proxy = await startProxyProcess(children, { log, userFunctionPort, nodeArgs, main });
  const fill = (firstEntity: number, count: number) =>
    loader.run("filling entities", eachOnce(proxy.port, "addItem", range(firstEntity, count)));
  // The first entities are not counted, because their memory includes code, buffers and the heap's own growth.
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
