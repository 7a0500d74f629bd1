// SPDX-License-Identifier: Apache-2.0
// The proxy as the entry of a bundle (hack/bundle): one file has nothing to load later, so what keeps its compiled code
// is not `main.ts` but Node, by NODE_COMPILE_CACHE.

import { run } from "./run.ts";

await run(process.argv, process.env);
