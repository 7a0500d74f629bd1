// SPDX-License-Identifier: Apache-2.0

export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;
export const MIB = 1_048_576;
/** The smallest and largest number of a port; 0 lets the system choose. */
export const PORTS = [0, 65_535] as const;
