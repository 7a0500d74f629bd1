// SPDX-License-Identifier: Apache-2.0

import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { NatsServer } from "./nats/server.ts";

/**
 * Stops the server gracefully, changes one bit at these bytes in its stream files, and starts it again. The bytes
 * must occur in one file only. The returned function restores the files, with another restart.
 */
export async function flipBit(server: NatsServer, bytes: Buffer, offset = 0): Promise<() => Promise<void>> {
  const store = join(server.folder, "jetstream");
  const backup = join(server.folder, "backup");
  await server.kill("SIGTERM");
  cpSync(store, backup, { recursive: true });
  const [file = "", ...others] = globSync(join(store, "**/*.blk")).filter((path) =>
    readFileSync(path).includes(bytes),
  );
  if (file === "" || others.length > 0) throw new Error("the bytes do not stand in one file");
  const content = readFileSync(file);
  const at = content.indexOf(bytes) + offset;
  writeFileSync(file, content.with(at, (content[at] ?? 0) ^ 1));
  await server.restart();
  return async () => {
    await server.kill("SIGTERM");
    rmSync(store, { recursive: true });
    cpSync(backup, store, { recursive: true });
    await server.restart();
  };
}
