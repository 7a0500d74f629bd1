#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Kubernetes asks it about stateful services and their pods.

import { enableCompileCache } from "node:module";

// Only what is imported later is kept, and that is most of the time from start to listening.
enableCompileCache();
const { run } = await import("./run.ts");
await run(process.argv, process.env);
