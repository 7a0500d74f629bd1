// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { LogName } from "./cases.ts";
import { SYNC_DURABILITY } from "./cases.ts";
import { makeLog, restartServer, startServer } from "./nats/server.ts";

/** Where the logs of the footprint are. */
export interface LogPlace extends AsyncDisposable {
  readonly durability: string;
  /** Returns the address of a new log. No other log may have the same name. */
  newLog(name: string): Promise<string>;
  /** Restarts the log's server, so that it forgets what it holds in memory. Undefined: the log has no server. */
  readonly restartServer: (() => Promise<void>) | undefined;
}

/** @param streams Number of streams of each log with NATS; undefined: the log chooses it. */
export async function openLogPlace(
  log: LogName,
  folder: string,
  streams: number | undefined,
): Promise<LogPlace> {
  if (log === "sqlite") {
    return {
      durability: "fsync-one-node",
      newLog: async (name) => `sqlite:${join(folder, `${name}.db`)}`,
      restartServer: undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
  const server = await startServer(folder, "footprint", "default");
  return {
    durability: SYNC_DURABILITY.default,
    newLog: (name) => makeLog(server, name, streams),
    restartServer: async () => {
      await restartServer(server, "SIGTERM");
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
