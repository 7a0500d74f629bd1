// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";

import { collectGarbage } from "../../pkg/base/mod.ts";

/** Not at once: who has woken the proxy waits for its first answer, and this takes some 30 ms. */
const COLLECT_AFTER_MS = 1_000;

/**
 * Keeps the heap small from now on. Left to itself V8 lets garbage grow to three times what lives before it collects. A
 * sidecar is paid for by its memory: this halves the peak under load, for about a tenth more processor time
 * (docs/performance.md).
 *
 * Called when everything is loaded: V8 takes no code that was compiled under other flags, neither Node's own, which
 * comes with it and is a quarter of the time to start, nor what an earlier start has kept.
 */
export function keepHeapSmall(): void {
  flushCompileCache();
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=30");
  // What loading has made of the heap. Without it the young generation stays as large as it has become, which streams of
  // large messages then fill many times over.
  setTimeout(collectGarbage, COLLECT_AFTER_MS).unref();
}
