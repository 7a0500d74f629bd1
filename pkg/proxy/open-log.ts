// SPDX-License-Identifier: Apache-2.0

import type { Clock, Random } from "../base/mod.ts";
import { backoffMs, sleep } from "../base/mod.ts";
import { isElsewhere } from "../eventlog/address/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";
import { EventLogError, openEventLog } from "../eventlog/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { LogOptions } from "./log-options.ts";
import { logOptions } from "./log-options.ts";

export interface LogWaiting {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined;
  /** Called with the text of each failure after which another attempt follows. */
  readonly onProblem: (problem: string) => void;
}

/** Pauses between attempts: short at first, because a NATS server that starts with the proxy is there soon. */
const BACKOFF = { minMs: 250, maxMs: 5_000, jitter: 0.2 };

/**
 * Opens the log. An unavailable server of a log that is elsewhere, as on NATS, is tried again for up to
 * `logStartTimeoutMs`, because it may start later than the proxy. A failure that only an operator can fix (a bad
 * address, wrong credentials, a server that is too old) is thrown at once, and so is any failure of a log that is here.
 *
 * @throws EventLogError, SettingError
 */
export async function openLog(options: LogOptions, waiting: LogWaiting): Promise<EventLog> {
  const { clock, random, telemetry, signal, onProblem } = waiting;
  const mayStartLater = isElsewhere(options.log);
  const settings = { clock, telemetry, ...logOptions(options) };
  const endMs = clock.monotonicMs() + options.logStartTimeoutMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await openEventLog(options.log, settings);
    } catch (thrown) {
      const delayMs = Math.round(backoffMs(attempt, BACKOFF, random));
      const isPassing = mayStartLater && thrown instanceof EventLogError && thrown.code === "LOG_UNAVAILABLE";
      const isOver = signal?.aborted === true || clock.monotonicMs() + delayMs > endMs;
      if (!isPassing || isOver) throw thrown;
      telemetry.logger.warn("event log: not there yet", { error: thrown.message, retryInMs: delayMs });
      onProblem(thrown.message);
      await sleep(clock, delayMs, signal);
    }
  }
}
