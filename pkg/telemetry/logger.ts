// SPDX-License-Identifier: Apache-2.0

import { pino } from "pino";

import type { Leveled, LogFields, Logger, LogLevel } from "../base/mod.ts";

import { readableFields } from "./log-text.ts";

/** Where finished log lines go. */
export interface LineSink {
  write(line: string): void;
}

/**
 * Structured log lines, one JSON object each.
 *
 * @param fields are added to every line.
 */
export function createLogger(
  level: LogLevel,
  sink: LineSink,
  fields: Readonly<Record<string, string>> = {},
): Logger & Leveled {
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
  const at = (name: Exclude<LogLevel, "silent">) => (message: string, fields?: LogFields) => {
    if (lines.isLevelEnabled(name)) lines[name](readableFields(fields), message);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    get level() {
      return lines.level as LogLevel;
    },
    set level(to) {
      lines.level = to;
    },
  };
}
