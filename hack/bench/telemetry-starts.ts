// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { bundle } from "../bundle/bundle.ts";
import { programOf } from "../bundle/programs.ts";
import type { FootprintSettings } from "./footprint.ts";
import { startProxyProcess } from "./proxy-process.ts";
import { openLogPlace, startSpanReceiver } from "./servers.ts";
import type { TelemetryName } from "./telemetry.ts";
import { telemetryOf } from "./telemetry.ts";

export interface StartsSettings extends FootprintSettings {
  readonly telemetry: readonly TelemetryName[];
}

/** The starts of a proxy, one for each round: from the start of its process to its line "listening". */
export interface Starts {
  readonly name: TelemetryName;
  readonly timesMs: readonly number[];
  /** Processor time of all its threads. */
  readonly cpuMs: readonly number[];
}

/**
 * Starts a proxy with each telemetry in turn, without a user function, as in an image: as one file, with the code that
 * an earlier start has compiled.
 */
export async function measureStarts({
  log,
  folder,
  quick,
  telemetry,
  say,
}: StartsSettings): Promise<Starts[]> {
  say("bundling");
  await bundle(programOf("proxy").entry, join(folder, "bundled-starts"));
  const main = pathToFileURL(join(folder, "bundled-starts", "main.mjs"));
  await using stack = new AsyncDisposableStack();
  const place = stack.use(await openLogPlace(log, folder));
  const sides = [];
  for (const name of telemetry) {
    const { env, receiver: kind } = telemetryOf(name);
    const receiver = kind && stack.use(await startSpanReceiver(kind));
    const side = { name, timesMs: [] as number[], cpuMs: [] as number[], env: { ...env, ...receiver?.env } };
    sides.push(side);
  }
  const rounds = quick ? 1 : 21;
  // The first round compiles the code and keeps it for the others. It is not counted.
  for (let round = 0; round <= rounds; round++) {
    say(`start ${round} of ${rounds} of ${telemetry.join(", ")}`);
    for (const { name, timesMs, cpuMs, env } of round % 2 === 0 ? sides : sides.toReversed()) {
      const codeFolder = join(folder, "compiled-starts");
      const proxy = await startProxyProcess({
        log: place.address(`start-${name}-${round}`),
        main,
        codeFolder,
        env: { ...place.env, ...env },
      });
      if (round > 0) {
        timesMs.push(proxy.startUpMs);
        cpuMs.push(proxy.startUpCpuMs);
      }
      await proxy.stop();
    }
  }
  return sides;
}
