// SPDX-License-Identifier: Apache-2.0

/**
 * How much of a long test is run. `npm test` and `npm run faults -- --short` run the short form, `npm run faults` the full one, and
 * so does whoever sets `PERDURE_TEST_SIZE=full`.
 */
export function bySize<T>(sizes: { readonly full: T; readonly short: T }): T {
  return process.env["PERDURE_TEST_SIZE"] === "full" ? sizes.full : sizes.short;
}
