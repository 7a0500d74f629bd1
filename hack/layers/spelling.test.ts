// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { findMisspellings } from "./spelling.ts";

const WRONG: readonly (readonly [source: string, complaint: RegExp])[] = [
  ["export interface DrainDeps {", /Dependencies/],
  ["interface Deps {", /Dependencies/],
  ["type RouterDeps = { readonly clock: Clock };", /Dependencies/],
  ["/** Raises `BAD_STATUS`. */", /@throws/],
  ["  /** The reply. Throws TestkitError if there is none. */", /@throws/],
  ["   * Raises `SdkError` for a bad name.", /@throws/],
  [" * the events are read. Throws what the log throws.", /@throws/],
  [" * @raises SdkError", /@throws/],
  [" * @throw SdkError", /@throws/],
];

const RIGHT: readonly string[] = [
  "export interface DrainDependencies {",
  'import type { FrameworkDeps } from "framework";',
  "/** The reply. @throws TestkitError if there is none. */",
  " * @throws SdkError `BAD_STATUS`",
  " * The log throws this. It raises the limit.",
  'const text = "Raises the limit";',
  "// Throws away what is left.",
];

for (const [source, complaint] of WRONG) {
  test(`complains of: ${source}`, (t) => {
    const found = findMisspellings(["", source]);
    t.is(found.length, 1);
    t.is(found[0]?.line, 2);
    t.regex(found[0]?.text ?? "", complaint);
  });
}

for (const source of RIGHT) {
  test(`does not complain of: ${source}`, (t) => t.deepEqual(findMisspellings([source]), []));
}
