// SPDX-License-Identifier: Apache-2.0

/** What tests put in the place of the clock and of chance. Product code cannot import this door. */

export { ManualClock } from "./manual-clock.ts";
export { seededRandom } from "./seeded-random.ts";
