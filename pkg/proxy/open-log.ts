// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random } from "../base/mod.ts";
import { backoffMs, sleep } from "../base/mod.ts";
import { parseEventLogAddress } from "../eventlog/address/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";
import { EventLogError, openEventLog } from "../eventlog/mod.ts";

import type { LogOptions } from "./log-options.ts";
import { logOptions } from "./log-options.ts";

export interface LogWaiting {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined;
  /** Called with the text of each failure after which another attempt follows. */
  readonly onProblem: (problem: string) => void;
}

/** Pauses between attempts: short at first, because a NATS server that starts with the proxy is there soon. */
const BACKOFF = { minMs: 250, maxMs: 5_000, jitter: 0.2 };

/**
 * Opens the log. An unavailable NATS server is tried again for up to `logStartTimeoutMs`, because it may start later
 * than the proxy. A failure that only an operator can fix (a bad address, wrong credentials, a server that is too
 * old) is thrown at once, and so is any failure of another kind of log.
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
