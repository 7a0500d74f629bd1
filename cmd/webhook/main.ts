#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The admission webhook: Kubernetes asks it about stateful services and their pods.

import { enableCompileCache } from "node:module";

// Caches only code that is imported after this call, which takes most of the time from start to listening.
enableCompileCache();
const { run } = await import("./run.ts");
await run(process.argv, process.env);
