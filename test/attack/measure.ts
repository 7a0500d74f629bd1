// SPDX-License-Identifier: Apache-2.0

import { startBystander } from "./bystander.ts";
import type { Observation, ProcessEnd } from "./judge.ts";
import { startProbe } from "./probes.ts";
import type { World } from "./world.ts";

/** From one look at the memory to the next, in milliseconds. */
const SAMPLE_MS = 50;

/** Watches a world until `stop` is called. */
export interface Measuring {
  readonly peakBytes: number;
  /** Resolves when the process ends. */
  readonly ended: Promise<unknown>;
  stop(): Promise<Observation>;
}

/**
 * Starts the bystanders, the probes and the memory readings. If no cgroup kills a process that uses more than
 * `memoryBytes`, this does.
 */
export function startMeasuring(
  { process, meter, bystanders, probes }: World,
  memoryBytes: number,
): Measuring {
  const calling = Object.entries(bystanders).map(([name, caller]) => startBystander(name, caller));
  const probing = Object.entries(probes).map(([name, caller]) => startProbe(name, caller));
  let peakBytes = meter.usedBytes() ?? 0;
  let isKilled = false;
  const sampling = setInterval(() => {
    const usedBytes = meter.usedBytes() ?? 0;
    peakBytes = Math.max(peakBytes, usedBytes);
    if (meter.kind === "cgroup" || usedBytes <= memoryBytes || isKilled) return;
    isKilled = true;
    void process.kill("SIGKILL");
  }, SAMPLE_MS);
  let end: ProcessEnd | undefined;
  const ended = process.exited.then(({ code, signal }) => {
    end ??= { code, signal, isOutOfMemory: isKilled || meter.outOfMemoryKills() > 0 };
  });
  return {
    get peakBytes() {
      return peakBytes;
    },
    ended,
    async stop() {
      clearInterval(sampling);
      const latencies = await Promise.all(
        calling.map(async (each) => [each.name, await each.stop()] as const),
      );
      const results = await Promise.all(probing.map(async (each) => [each.name, await each.stop()] as const));
      return {
        end,
        memoryFrom: meter.kind,
        peakBytes,
        bystanders: Object.fromEntries(latencies),
        probes: Object.fromEntries(results),
      };
    },
  };
}
