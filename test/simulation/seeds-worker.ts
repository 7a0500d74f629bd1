// SPDX-License-Identifier: Apache-2.0

/** Simulates the seeds that it is told to, and answers with their tally. */

import { parentPort } from "node:worker_threads";

import { runSeeds } from "./seeds.ts";

parentPort?.on("message", ({ first, count }: { readonly first: number; readonly count: number }) =>
  parentPort?.postMessage(runSeeds(first, count)),
);
