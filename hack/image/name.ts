// SPDX-License-Identifier: Apache-2.0

/** The image's name with its tag; what has neither tag nor digest is `latest`. */
export function fullName(name: string): string {
  return /[@:]/.test(name.slice(name.lastIndexOf("/") + 1)) ? name : `${name}:latest`;
}

/** The name as that of a file. */
export function fileName(name: string): string {
  return fullName(name).replaceAll(/[/:@]/g, "_");
}
