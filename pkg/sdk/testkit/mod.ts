// SPDX-License-Identifier: Apache-2.0

export type { Answered, Call, Effect } from "./answered.ts";
export type { Answers, CallerOptions, CallInput, CallResult, Messages } from "./call.ts";
export { call, withMetadata } from "./call.ts";
export { TestkitError } from "./error.ts";
export { given } from "./given.ts";
export type { Given, Outcome } from "./given-event-sourced.ts";
export type { GivenValue, ValueOutcome } from "./given-value.ts";
