// SPDX-License-Identifier: Apache-2.0

import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { Histogram } from "./histogram.ts";

const WRITES = 300;
/** About what one command adds to a log. */
const RECORD_BYTES = 256;

/** How long it takes to append a record to a file and sync it, without a database: the median in microseconds. */
export function syncedWriteUs(folder: string): number {
  const path = join(folder, "synced-write");
  const file = openSync(path, "w");
  const record = Buffer.alloc(RECORD_BYTES, 1);
  const histogram = new Histogram();
  try {
    for (let i = 0; i < WRITES; i++) {
      const startedMs = performance.now();
      writeSync(file, record);
      fdatasyncSync(file);
      histogram.record((performance.now() - startedMs) * 1_000);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return histogram.quantileUs(0.5);
}
