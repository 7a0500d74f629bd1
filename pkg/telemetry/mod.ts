// SPDX-License-Identifier: Apache-2.0

export { createLogger } from "./logger.ts";
export type { LineSink } from "./logger.ts";
export { readableFields } from "./log-text.ts";
export { podFields } from "./pod.ts";
export { REPEAT_SETTINGS } from "./repeat-settings.ts";
export { countRepeats } from "./repeats.ts";
export type { CountingLogger, LogRepeatOptions } from "./repeats.ts";
