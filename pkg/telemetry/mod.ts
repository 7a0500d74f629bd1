// SPDX-License-Identifier: Apache-2.0

export { createLogger } from "./logger.ts";
export type { LineSink } from "./logger.ts";
export { podFields } from "./pod.ts";
