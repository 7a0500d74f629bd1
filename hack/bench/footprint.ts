// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { median } from "simple-statistics";

import { bundle } from "../bundle/bundle.ts";
import { programOf } from "../bundle/programs.ts";
import type { LogName } from "./cases.ts";
import type { ProxySettings } from "./proxy-process.ts";
import { startProxyProcess } from "./proxy-process.ts";
import type { Figure } from "./report.ts";
import { openLogPlace, startUserFunction } from "./servers.ts";

export interface FootprintSettings {
  readonly log: LogName;
  /** For the logs, the bundle and compiled code. */
  readonly folder: string;
  readonly quick: boolean;
  readonly say: (text: string) => void;
}

/** How long a proxy is idle before its memory is read: until it has collected the garbage of loading (`heap.ts`). */
const IDLE_MS = 8_000;

/**
 * What a proxy costs without load. The time from the start of the process to listening, without a user function: as
 * in an image, that is one file, with and without the code that an earlier start has compiled, and from the sources.
 * And the memory of the proxy of an image.
 */
export async function measureFootprint({ log, folder, quick, say }: FootprintSettings): Promise<Figure[]> {
  say("bundling");
  await bundle(programOf("proxy").entry, join(folder, "bundled"));
  const main = pathToFileURL(join(folder, "bundled", "main.mjs"));
  const codeIn = (name: string): Partial<ProxySettings> => ({ codeFolder: join(folder, "compiled", name) });
  await using place = await openLogPlace(log, folder);
  let logs = 0;
  const start = (settings: Partial<ProxySettings>) =>
    startProxyProcess({ log: place.address(`footprint-${++logs}`), env: place.env, ...settings });

  const figures: Figure[] = [];
  const starts = quick ? 1 : 7;
  for (const [name, settings] of [
    ["in an image", { main, ...codeIn("image") }],
    ["in an image, nothing compiled", { main }],
    ["from the sources", codeIn("sources")],
  ] as const) {
    const times: number[] = [];
    // The first start compiles the code and keeps it for the others. It is not counted.
    for (let i = 0; i <= starts; i++) {
      say(`start ${i} of ${starts}, ${name}`);
      const proxy = await start(settings);
      if (i > 0) times.push(proxy.startUpMs);
      await proxy.stop();
    }
    const what = `start to listening ${name}, median of ${starts}`;
    figures.push({ what, measured: median(times), unit: "ms", budget: 150 });
  }

  await using userFunction = await startUserFunction();
  for (const [what, settings] of [
    ["idle proxy, no user function", {}],
    ["idle proxy with user function", { userFunctionPort: userFunction.entityPort }],
  ] as const) {
    const proxy = await start({ main, ...codeIn("image"), ...settings });
    await delay(IDLE_MS);
    figures.push({ what, measured: proxy.residentBytes("VmRSS") / 1_048_576, unit: "MiB", budget: 80 });
    await proxy.stop();
  }
  return figures;
}
