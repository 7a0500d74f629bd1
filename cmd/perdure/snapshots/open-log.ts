// SPDX-License-Identifier: Apache-2.0

import { resolve } from "node:path";

import { describeError, systemClock } from "../../../pkg/base/mod.ts";
import type { EventLog } from "../../../pkg/eventlog/mod.ts";
import { EventLogError, openEventLog } from "../../../pkg/eventlog/mod.ts";
import { logOptions, proxyOptions } from "../../../pkg/proxy/mod.ts";
import { NO_TELEMETRY } from "../../../pkg/telemetry/mod.ts";

import { devLogPath } from "../dev/log-path.ts";
import { readProject } from "../dev/project.ts";
import { SnapshotsError } from "./snapshots-error.ts";

/** Which log, as it was typed. */
export interface LogFlags {
  readonly log?: string;
  /** Folder of the function, for the log that `perdure dev` keeps for it. */
  readonly dir: string;
}

type Environment = Readonly<NodeJS.ProcessEnv>;

/** Flag, else PERDURE_LOG, else the log that `perdure dev` keeps for the function. @throws DevError, SettingError */
export function logAddress({ log, dir }: LogFlags, env: Environment, cwd: string): string {
  const folder = resolve(cwd, dir);
  return log ?? (env["PERDURE_LOG"] || `sqlite:${devLogPath(readProject(folder).name, folder, cwd)}`);
}

/**
 * Opens an existing log, works with it and closes it. All settings of the connection to NATS count, as for the proxy.
 *
 * @throws SnapshotsError for what the log throws, SettingError.
 */
export async function withLog<T>(
  address: string,
  env: Environment,
  work: (log: EventLog) => Promise<T>,
): Promise<T> {
  // What is done to snapshots needs to survive nothing, because they only save time. So any server will do.
  const durability = env["PERDURE_LOG_DURABILITY"] ? undefined : "relaxed";
  const options = proxyOptions({ log: address, "log-durability": durability }, env);
  let log: EventLog | undefined;
  try {
    log = await openEventLog(address, {
      clock: systemClock,
      telemetry: NO_TELEMETRY,
      ...logOptions(options),
      mustExist: true,
    });
    return await work(log);
  } catch (thrown) {
    throw translateError(thrown);
  } finally {
    await log?.close();
  }
}

function translateError(thrown: unknown): unknown {
  if (!(thrown instanceof EventLogError)) return thrown;
  const code = thrown.code === "LOG_BAD_ADDRESS" ? "BAD_USAGE" : "FAILED";
  const advice = thrown.code === "LOG_LOCKED" ? "; stop it first" : "";
  return new SnapshotsError(code, `${describeError(thrown)}${advice} (${thrown.code})`, { cause: thrown });
}
