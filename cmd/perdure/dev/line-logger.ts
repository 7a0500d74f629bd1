// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

import type { Leveled, LogFields, Logger, LogLevel } from "../../../pkg/base/mod.ts";
import { LOG_LEVELS } from "../../../pkg/base/mod.ts";
import { readableFields } from "../../../pkg/telemetry/mod.ts";

import type { Style } from "./style.ts";

/** Log lines for people: the message, then what varies, `key=value`; a list gets a line for each item. */
export function createLineLogger(
  level: LogLevel,
  style: Style,
  write: (line: string) => void,
): Logger & Leveled {
  const marks = { debug: style.dim, info: (text: string) => text, warn: style.warning, error: style.bad };
  const at =
    (name: Exclude<LogLevel, "silent">) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(name) < LOG_LEVELS.indexOf(logger.level)) return;
      const [first, ...more] = logLines(message, fields);
      write(`${marks[name](name)} ${first}`);
      for (const line of more) write(`  ${line}`);
    };
  const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), level };
  return logger;
}

/** The lines of one entry; the first has the message. */
function logLines(message: string, fields: LogFields): string[] {
  const words = [message];
  const items: string[] = [];
  for (const [key, value] of Object.entries(readableFields(fields))) {
    if (value === undefined) continue;
    if (Array.isArray(value)) items.push(...value.map((item) => `- ${shown(item)}`));
    else words.push(`${key}=${shown(value)}`);
  }
  return [words.join(" "), ...items];
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { breakLength: Number.POSITIVE_INFINITY });
}
