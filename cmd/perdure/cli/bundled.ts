// SPDX-License-Identifier: Apache-2.0
// The command line as the entry of a bundle: one file has nothing to load later, so what keeps its compiled code is what
// starts it (hack/pack/perdure.ts).

import { run } from "./run.ts";

process.exit(await run(process.argv.slice(2)));
