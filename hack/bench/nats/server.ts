// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { silentLogger, systemClock } from "../../../pkg/base/mod.ts";
import { openEventLog } from "../../../pkg/eventlog/mod.ts";

import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import type { SyncInterval } from "../cases.ts";

/**
 * Starts a server of NATS that keeps its streams below a folder of the run, and so on the disk that is measured. The
 * server is killed when our process exits, because the folder is removed then and nothing may write there any more.
 */
export async function startServer(folder: string, name: string, sync: SyncInterval): Promise<NatsServer> {
  const server = await startNatsServer({ name, folder: join(folder, `nats-${name}`), syncInterval: sync });
  process.prependListener("exit", () => {
    if (server.isRunning) process.kill(server.pid, "SIGKILL");
  });
  return server;
}

/**
 * Returns the address of a log on the server, whose streams have this prefix. With `streams` the log is created here
 * with that many streams for its events, and keeps this number when it is opened again. Without it, the log itself
 * chooses the number.
 */
export async function makeLog(server: NatsServer, prefix: string, streams?: number): Promise<string> {
  const address = `${server.url}/${prefix}`;
  if (streams !== undefined) {
    const dependencies = { clock: systemClock, logger: silentLogger, jetstream: { streams } };
    await (await openEventLog(address, dependencies)).close();
  }
  return address;
}

/**
 * Ends the server by a signal and starts it again. Returns the time from its start until it is ready, in
 * milliseconds.
 */
export async function restartServer(server: NatsServer, signal: NodeJS.Signals): Promise<number> {
  await server.kill(signal);
  const startedMs = performance.now();
  await server.restart();
  return performance.now() - startedMs;
}
