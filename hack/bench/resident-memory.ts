// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";

const SAMPLE_INTERVAL_MS = 50;

/** `VmRSS` of a process. @throws Error if there is no such process. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kib) * 1_024;
}

/**
 * Samples memory with `look` and keeps the peak, until it is disposed of. Dispose of it also if the run fails,
 * because otherwise the sampling continues.
 */
export function samplePeak(look: () => number): Disposable & { readonly peakBytes: number } {
  let peakBytes = look();
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, look());
  }, SAMPLE_INTERVAL_MS);
  return {
    get peakBytes() {
      return peakBytes;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
