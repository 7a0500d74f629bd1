// SPDX-License-Identifier: Apache-2.0

import { RepeatLimiter } from "../base/mod.ts";
import type { Clock, LogFields, Logger } from "../base/mod.ts";

export interface LogRepeatOptions {
  /** Lines with the same message that are written in a window. */
  readonly logRepeatLines: number;
  /** From the first of them to the line that says how many more there were, in milliseconds. */
  readonly logRepeatWindowMs: number;
}

/** A logger that writes a few of many lines with the same message, and counts the others. */
export interface CountingLogger extends Logger {
  /** Writes at once how many lines were left out. */
  flush(): void;
}

/** Messages are constants, so there are not many; what is not one shares a place. */
const MAX_MESSAGES = 256;

/**
 * Writes the first `logRepeatLines` lines of a level and message in each window; further ones are counted, and one line
 * says how many when the window ends. Fields do not tell lines apart, because one mistake of a user function, or one
 * caller, can make any number of different ones.
 *
 * What is said for `debug` is written whole: it was asked for to see everything.
 */
export function countRepeats(
  logger: Logger,
  clock: Clock,
  { logRepeatLines, logRepeatWindowMs }: LogRepeatOptions,
): CountingLogger {
  const limits = { maxTimes: logRepeatLines, windowMs: logRepeatWindowMs, maxKinds: MAX_MESSAGES };
  const limiterOf = (level: "info" | "warn" | "error") =>
    new RepeatLimiter(clock, limits, (message, count) =>
      logger[level]("lines with the same message were left out", { of: message, count }),
    );
  const limiters = { info: limiterOf("info"), warn: limiterOf("warn"), error: limiterOf("error") };
  const at =
    (level: keyof typeof limiters) =>
    (message: string, fields?: LogFields): void => {
      if (limiters[level].passes(message)) logger[level](message, fields);
    };
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    flush() {
      for (const limiter of Object.values(limiters)) limiter.flush();
    },
  };
}
