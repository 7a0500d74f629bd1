// SPDX-License-Identifier: Apache-2.0

export type { Consumer, Consumption } from "./consume.ts";
export { consume } from "./consume.ts";
