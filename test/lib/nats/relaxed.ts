// SPDX-License-Identifier: Apache-2.0

/**
 * Servers of tests do not sync each write, which costs time and shows nothing as long as no machine loses its power. So
 * what keeps its log there says that its durability is relaxed: a log by this option, a proxy by this variable.
 */
export const RELAXED_LOG = { durability: "relaxed" } as const;
export const RELAXED_PROXY = { PERDURE_LOG_DURABILITY: RELAXED_LOG.durability };
