// SPDX-License-Identifier: Apache-2.0

/** Log levels, most verbose first. Each level includes the lines of the levels after it. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes log lines: a constant message, and fields for the values that vary. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Something that writes log lines of a level, and of those after it, and whose level can be changed at any time. */
export interface Leveled {
  level: LogLevel;
}

export type LogFields = Readonly<Record<string, unknown>>;

const ignore = (): void => undefined;

/** For tests and for callers that do not care. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
