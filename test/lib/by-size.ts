// SPDX-License-Identifier: Apache-2.0

/**
 * Chooses the size of a long test. `npm test` and `npm run faults -- --short` run the short form. `npm run faults`
 * runs the full one, and so does `PERDURE_TEST_SIZE=full`.
 */
export function bySize<T>(sizes: { readonly full: T; readonly short: T }): T {
  return process.env["PERDURE_TEST_SIZE"] === "full" ? sizes.full : sizes.short;
}
