#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The proxy alone, in front of a user function that is started separately.

import { enableCompileCache } from "node:module";

import "./early-end.ts";

// Caches only code that is imported after this call, which takes most of the time from start to listening.
enableCompileCache();
const { run } = await import("./run.ts");
await run(process.argv, process.env);
