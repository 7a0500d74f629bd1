// SPDX-License-Identifier: Apache-2.0

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { NatsServer } from "./server.ts";

/** Changes a text of a server's configuration, which takes effect at once or, without `reload`, when it restarts. */
export async function reconfigure(
  server: NatsServer,
  from: string,
  to: string,
  { reload = true } = {},
): Promise<void> {
  const path = join(server.folder, "nats.conf");
  const before = readFileSync(path, "utf8");
  if (!before.includes(from)) throw new Error(`the configuration has no ${from}:\n${before}`);
  writeFileSync(path, before.replaceAll(from, to));
  if (reload) await server.kill("SIGHUP");
}
