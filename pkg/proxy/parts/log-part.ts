// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";
import { isElsewhere, shownAddress } from "../../eventlog/address/mod.ts";
import type { EventLog, LogHealth } from "../../eventlog/mod.ts";
import { meteredLog, tracedLog } from "../../eventlog/mod.ts";
import { NO_METER, NO_TRACER } from "../../telemetry/mod.ts";

import type { Check } from "../admin/probe-routes.ts";
import type { PartState } from "../admin/report.ts";
import { openLog } from "../open-log.ts";
import type { Part } from "./part.ts";
import type { Shared } from "./shared.ts";

export interface LogPart extends Part {
  /** The open log, once the part has started. */
  readonly log: () => EventLog;
}

/** The event log. @param replace see `replaceLog` of `ProxyDependencies` */
export function logPart(
  { options, clock, random, telemetry, signal }: Shared,
  replace: (log: EventLog) => EventLog = (log) => log,
): LogPart {
  const { tracer, meter } = telemetry;
  let log: EventLog | undefined;
  let problem = "is being opened";
  const onProblem = (text: string): void => void (problem = text);
  return {
    name: "log",
    log() {
      assert(log !== undefined, "the log is open once the part has started");
      return log;
    },
    checks: () => [log === undefined ? { name: "log", problem } : healthCheck(log.health)],
    async start() {
      const opened = replace(await openLog(options, { clock, random, telemetry, signal, onProblem }));
      const traced = tracer === NO_TRACER ? opened : tracedLog(opened, tracer, isElsewhere(options.log));
      log = meter === NO_METER ? traced : meteredLog(traced, meter, clock);
    },
    inspect: () => inspectLog(options.log, log, problem),
    async stop() {
      try {
        await log?.close();
      } catch (error) {
        telemetry.logger.error("log was not closed cleanly", { error });
      }
    },
  };
}

function inspectLog(address: string, log: EventLog | undefined, problem: string): PartState {
  const shown = { address: shownAddress(address) };
  if (log === undefined) return { ...shown, health: problem };
  const { durability, partitions, health } = log;
  const kind = health.kind === "usable" ? health.kind : `${health.kind}: ${health.error.code}`;
  return { ...shown, durability, partitions, health: kind };
}

/** A log that is usable in part still serves the entities of that part. The pod stays ready and only says so. */
function healthCheck(health: LogHealth): Check {
  if (health.kind === "usable") return { name: "log", problem: undefined };
  const { code, message } = health.error;
  const text = `${message} (${code})`;
  return health.kind === "partly"
    ? { name: `log, but ${text}`, problem: undefined }
    : { name: "log", problem: text };
}
