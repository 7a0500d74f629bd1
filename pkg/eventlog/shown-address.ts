// SPDX-License-Identifier: Apache-2.0

/** The address of a log as it may stand on a screen or in a log file: without what a URL has before its `@`. */
export function shownAddress(address: string): string {
  return address.startsWith("sqlite:") ? address : address.replace(/\/\/.*@/s, "//…@");
}
