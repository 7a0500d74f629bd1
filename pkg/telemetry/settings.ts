// SPDX-License-Identifier: Apache-2.0

import { LOG_LEVELS } from "../base/mod.ts";
import { choice, milliseconds, number } from "../settings/mod.ts";

/** What every program logs. */
export const LOGGER_SETTINGS = {
  logLevel: choice(
    "log-level",
    "PERDURE_LOG_LEVEL",
    "info",
    LOG_LEVELS,
    "Log lines of this level and of those after it are written.",
  ),
  logRepeatLines: number(
    "log-repeat-lines",
    "PERDURE_LOG_REPEAT_LINES",
    20,
    "lines",
    [1, 1_000_000],
    "Log lines of one level with the same message that are written in a window; one more line counts the further ones. Lines of the level `debug` are all written.",
  ),
  logRepeatWindowMs: milliseconds(
    "log-repeat-window",
    "PERDURE_LOG_REPEAT_WINDOW_MS",
    10_000,
    "Length of that window: from the first such line to the line with the count.",
  ),
} as const;
