// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { findLoggers, findLogTemplates, findMisspellings } from "./spelling.ts";

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

test("complains of a logger among dependencies, and only there", (t) => {
  const dependencies = "export interface DrainDependencies extends Timed {";
  for (const member of ["  readonly logger: Logger;", "  logger?: Logger;"]) {
    t.deepEqual(
      findLoggers([dependencies, "  readonly clock: Clock;", member, "}"]).map(({ line }) => line),
      [3],
    );
  }
  t.deepEqual(findLoggers([dependencies, "  readonly telemetry: Telemetry;", "}"]), []);
  t.deepEqual(
    findLoggers([dependencies, "}", "interface Telemetry {", "  readonly logger: Logger;", "}"]),
    [],
  );
});

test("complains of a log message that is put together, and of no other text", (t) => {
  const wrong = [
    "logger.warn(`${purpose}: lost`, { server });",
    "telemetry.logger[level](\n  `${name} is gone`,\n);",
    'this.#logger.info("lost: " + name);',
  ];
  for (const source of wrong)
    t.deepEqual(
      findLogTemplates(`\n${source}`).map(({ line }) => line),
      [2],
      source,
    );
  const right = ['logger.warn("lost", { of: `${a}` });', "logger.debug(message, fields);", "log(`${a}`);"];
  for (const source of right) t.deepEqual(findLogTemplates(source), [], source);
});
