// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from "node:module";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";

import { collectGarbage, growYoungGeneration, youngGenerationBytes } from "../../pkg/base/mod.ts";

/**
 * The young generation of a busy proxy, in bytes. With V8's least, half of this, what a few dozen open commands hold
 * survives two collections and moves to the old generation, whose collections cost far more. With twice as much they
 * take a sixth less processor time; still more would save little (docs/performance.md).
 */
const BUSY_YOUNG_BYTES = 4 * 1_048_576;

/** The part of its time that the event loop of a busy proxy works, and at most that of an idle one. */
const BUSY = 0.1;
const IDLE = 0.03;

/** After so many idle seconds in a row the garbage of loading is collected. */
const IDLE_SECONDS = 5;

const LOOK_MS = 1_000;

/**
 * Keeps the heap small from now on. By default V8 lets garbage grow to three times the live data before it collects. A
 * sidecar is paid for by its memory: this halves the peak under load, for about a tenth more processor time
 * (docs/performance.md).
 *
 * Call it after everything is loaded, because V8 rejects code that was compiled under other flags: Node's own
 * precompiled code, which makes up a quarter of the time to start, and the code that an earlier start has cached.
 */
export function keepHeapSmall(): void {
  flushCompileCache();
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=30");
  collectThenGrow();
}

/**
 * Collects the garbage of loading. Otherwise the young generation stays as large as loading has made it, and streams of
 * large messages fill it many times over. Then gives the proxy its young generation whenever it is busy; V8 makes it
 * small again when the proxy is not.
 *
 * A collection takes some 90 ms, and several times as long on a busy machine or with much in memory. All callers wait
 * until it ends, so the proxy waits until nobody has called for some seconds. Only a busy proxy whose young generation
 * is large collects at once; the options that the webhook sets keep it small.
 */
function collectThenGrow(): void {
  let before = performance.eventLoopUtilization();
  let idleSeconds = 0;
  let isCollected = false;
  let mostBytes = BUSY_YOUNG_BYTES;
  const look = (): void => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const isBusy = utilization > BUSY;
    idleSeconds = utilization < IDLE ? idleSeconds + 1 : 0;
    const isLarge = isBusy && youngGenerationBytes() > BUSY_YOUNG_BYTES;
    if (!isCollected && (isLarge || idleSeconds === IDLE_SECONDS)) {
      isCollected = true;
      collectGarbage();
    }
    if (isBusy && youngGenerationBytes() < mostBytes)
      mostBytes = Math.min(mostBytes, growYoungGeneration(mostBytes));
  };
  setInterval(look, LOOK_MS).unref();
}
