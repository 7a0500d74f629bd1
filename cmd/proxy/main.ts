#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The proxy alone, in front of a user function that somebody else runs.

import { enableCompileCache } from "node:module";
import { setFlagsFromString } from "node:v8";

// Left to itself V8 lets garbage grow to three times what lives before it collects. A sidecar is paid for by its memory:
// this halves the peak under load, for about a tenth more processor time (docs/performance.md).
setFlagsFromString("--semi-space-growth-factor=1");
setFlagsFromString("--heap-growing-percent=30");

// Only what is imported later is kept, and that is most of the time from start to listening.
enableCompileCache();
const { run } = await import("./run.ts");
await run(process.argv, process.env);
