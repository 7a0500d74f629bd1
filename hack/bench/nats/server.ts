// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { startNatsServer } from "../../nats/server.ts";
import type { NatsServer } from "../../nats/server.ts";
import type { SyncInterval } from "../cases.ts";

/**
 * A server of NATS that keeps its streams below a folder of the run, and so on the disk that is measured. It does not
 * outlive us: the folder is removed when we end, and nothing may write there any more.
 */
export async function startServer(folder: string, name: string, sync: SyncInterval): Promise<NatsServer> {
  const server = await startNatsServer({ name, folder: join(folder, `nats-${name}`), syncInterval: sync });
  process.prependListener("exit", () => {
    if (server.isRunning) process.kill(server.pid, "SIGKILL");
  });
  return server;
}

/** The address of a log on the server by the prefix of its streams. */
export function logAddress(server: NatsServer, prefix: string): string {
  return `${server.url}/${prefix}`;
}

/** Ends the server by a signal and starts it again; from its start to its being ready, in milliseconds. */
export async function restartServer(server: NatsServer, signal: NodeJS.Signals): Promise<number> {
  await server.kill(signal);
  const startedMs = performance.now();
  await server.restart();
  return performance.now() - startedMs;
}
