// SPDX-License-Identifier: Apache-2.0

import { flushCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";

import { collectGarbage } from "../../pkg/base/mod.ts";

/** Not at once, because it takes some 30 ms, in which the caller that woke the proxy would wait for its answer. */
const COLLECT_AFTER_MS = 1_000;

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
  // Collects the garbage of loading. Otherwise the young generation stays as large as loading has made it, and
  // streams of large messages fill it many times over.
  setTimeout(collectGarbage, COLLECT_AFTER_MS).unref();
}
