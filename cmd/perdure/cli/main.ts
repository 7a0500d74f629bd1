// SPDX-License-Identifier: Apache-2.0
import { enableCompileCache } from "node:module";

// From the second start on, types need not be stripped and code need not be compiled again: half the time to `ready`.
enableCompileCache();
const { run } = await import("./run.ts");

process.exit(await run(process.argv.slice(2)));
