// SPDX-License-Identifier: Apache-2.0

export { TestkitError } from "./error.ts";
export { given } from "./given.ts";
export type { Given, Outcome } from "./given.ts";
