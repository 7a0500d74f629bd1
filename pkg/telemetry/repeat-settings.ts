// SPDX-License-Identifier: Apache-2.0

import { number } from "../base/mod.ts";

const DAY_MS = 24 * 60 * 60_000;

/** How many log lines that are the same are written: of every program that logs. */
export const REPEAT_SETTINGS = {
  logRepeatLines: number(
    "log-repeat-lines",
    "PERDURE_LOG_REPEAT_LINES",
    20,
    "lines",
    [1, 1_000_000],
    "Log lines of one level with the same message that are written in a window; of further ones one line tells the number. Those of the level `debug` are all written.",
  ),
  logRepeatWindowMs: number(
    "log-repeat-window",
    "PERDURE_LOG_REPEAT_WINDOW_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "That window: from the first such line to the one with the number.",
  ),
} as const;
