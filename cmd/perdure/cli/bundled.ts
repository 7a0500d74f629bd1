// SPDX-License-Identifier: Apache-2.0
// The entry of the bundled command line. A bundle is one file and loads nothing later, so the program that starts it
// enables the cache of compiled code (hack/pack/perdure.ts).

import { run } from "./run.ts";

process.exit(await run(process.argv.slice(2)));
