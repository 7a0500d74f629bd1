// SPDX-License-Identifier: Apache-2.0

/** The registry as a process: `node main.ts FOLDER HOST PORT`. */

import { createRegistry } from "./server.ts";

const [folder = ".", host = "localhost", port = "0"] = process.argv.slice(2);
createRegistry(folder, host).listen(Number(port), "127.0.0.1");
