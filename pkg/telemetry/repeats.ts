// SPDX-License-Identifier: Apache-2.0

import type { Clock, LogFields, Logger } from "../base/mod.ts";
import { RepeatLimiter } from "../base/mod.ts";
import type { Values } from "../settings/mod.ts";

import type { LOGGER_SETTINGS } from "./settings.ts";

export type LogRepeatOptions = Omit<Values<typeof LOGGER_SETTINGS>, "logLevel">;

/** A logger that writes a few of many lines with the same message, and counts the others. */
export interface CountingLogger extends Logger {
  /** Writes at once how many lines were left out. */
  flush(): void;
}

/**
 * Most messages that are counted separately. Messages are constants, so there are fewer; any others share one count.
 */
const MAX_MESSAGES = 256;

/**
 * Writes the first `logRepeatLines` lines of a level and message in each window. Further ones are counted, and one
 * line reports the count when the window ends. Lines that differ only in their fields count as the same, because one
 * mistake of a user function, or one caller, can produce any number of different fields.
 *
 * Lines of the level `debug` are all written, because an operator who turns it on wants to see everything.
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
