// SPDX-License-Identifier: Apache-2.0
import { enableCompileCache } from "node:module";

// From the second start on, types are not stripped and code is not compiled again, which halves the time to `ready`.
enableCompileCache();
const { run } = await import("./run.ts");

process.exit(await run(process.argv.slice(2)));
