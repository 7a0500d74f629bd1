// SPDX-License-Identifier: Apache-2.0

/** The address of a log without its credentials (all that a URL has before its `@`), for screens and log files. */
export function shownAddress(address: string): string {
  return address.startsWith("sqlite:") ? address : address.replace(/\/\/.*@/s, "//…@");
}
