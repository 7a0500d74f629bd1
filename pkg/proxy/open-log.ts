// SPDX-License-Identifier: Apache-2.0

import { backoffMs, sleep } from "../base/mod.ts";
import type { Clock, Logger, Random } from "../base/mod.ts";
import { EventLogError, openEventLog, parseEventLogAddress } from "../eventlog/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";

import { logOptions } from "./log-options.ts";
import type { LogOptions } from "./log-options.ts";

export interface LogWaiting {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined;
  /** Called with each failure that is waited out. */
  readonly onProblem: (problem: string) => void;
}

const BACKOFF = { minMs: 250, maxMs: 5_000, jitter: 0.2 };

/**
 * Opens the log. A server of NATS may start later than the proxy, so it is waited for, up to `logStartTimeoutMs`. What
 * only an operator can change (a bad address, wrong credentials, a server that is too old) ends the waiting at once,
 * and so does any failure of another kind of log.
 *
 * @throws EventLogError, SettingError
 */
export async function openLog(options: LogOptions, waiting: LogWaiting): Promise<EventLog> {
  const { clock, random, logger, signal, onProblem } = waiting;
  const isElsewhere = parseEventLogAddress(options.log).kind === "nats";
  const settings = { clock, logger, ...logOptions(options) };
  const endMs = clock.monotonicMs() + options.logStartTimeoutMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await openEventLog(options.log, settings);
    } catch (thrown) {
      const delayMs = Math.round(backoffMs(attempt, BACKOFF, random));
      const isPassing = isElsewhere && thrown instanceof EventLogError && thrown.code === "LOG_UNAVAILABLE";
      const isOver = signal?.aborted === true || clock.monotonicMs() + delayMs > endMs;
      if (!isPassing || isOver) throw thrown;
      logger.warn("event log: not there yet", { error: thrown.message, retryInMs: delayMs });
      onProblem(thrown.message);
      await sleep(clock, delayMs, signal);
    }
  }
}
