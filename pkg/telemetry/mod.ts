// SPDX-License-Identifier: Apache-2.0

export { readableFields } from "./log-text.ts";
export type { LineSink } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { podFields } from "./pod.ts";
export type { CountingLogger, LogRepeatOptions } from "./repeats.ts";
export { countRepeats } from "./repeats.ts";
