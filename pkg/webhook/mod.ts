// SPDX-License-Identifier: Apache-2.0

export { CONFIG_NAME, readConfiguration } from "./configuration.ts";
export type { Configuration } from "./configuration.ts";
export type { AdmissionCode, Decision, Problem } from "./decision.ts";
export { decide, parseReview, reviewAnswer } from "./review.ts";
export type { Review } from "./review.ts";
export { PREFIX, settingsOf } from "./settings.ts";
export type { ServiceSetting } from "./settings.ts";
