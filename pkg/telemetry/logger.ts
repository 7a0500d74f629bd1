// SPDX-License-Identifier: Apache-2.0

import { pino } from "pino";

import { describeError } from "../base/mod.ts";
import type { LogFields, Logger, LogLevel } from "../base/mod.ts";

/** Where finished log lines go. */
export interface LineSink {
  write(line: string): void;
}

/**
 * Structured log lines, one JSON object each.
 *
 * @param fields stand in every line.
 */
export function createLogger(
  level: LogLevel,
  sink: LineSink,
  fields: Readonly<Record<string, string>> = {},
): Logger {
  const lines = pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return {
    debug: (message, fields) => lines.debug(readable(fields), message),
    info: (message, fields) => lines.info(readable(fields), message),
    warn: (message, fields) => lines.warn(readable(fields), message),
    error: (message, fields) => lines.error(readable(fields), message),
  };
}

/** An error as what it says; its stack belongs to the debugger. */
function readable(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? describeError(value) : value,
    ]),
  );
}
