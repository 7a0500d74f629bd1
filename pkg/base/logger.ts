// SPDX-License-Identifier: Apache-2.0

/** A log line: a constant message and what varies beside it. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

const ignore = (): void => undefined;

/** For tests and for callers that do not care. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
