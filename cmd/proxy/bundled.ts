// SPDX-License-Identifier: Apache-2.0
// The entry of the bundled proxy (hack/bundle). A bundle is one file and loads nothing later, so its compiled code is
// not cached as in `main.ts`, but by Node itself (NODE_COMPILE_CACHE).

import "./early-end.ts";
import { run } from "./run.ts";

await run(process.argv, process.env);
