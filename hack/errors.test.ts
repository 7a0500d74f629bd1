// SPDX-License-Identifier: Apache-2.0

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import test from "ava";

const ROOT = join(import.meta.dirname, "..");
const PAGE = readFileSync(join(ROOT, "docs", "errors.md"), "utf8");

/**
 * Codes of the SDK and of the command line, which speak to their own users in their own help; and of NATS, which the
 * event log translates into its own.
 */
const NOT_THE_PROXY = ["SdkErrorCode", "DevErrorCode", "SnapshotsErrorCode", "NatsCode"];

/** Every code of every closed list in `pkg`: unions named `…Code`, and the table of HTTP errors. */
function codesInSources(): Set<string> {
  const codes = new Set<string>();
  for (const path of globSync("pkg/**/*.ts", { cwd: ROOT, exclude: ["**/gen/**", "**/*.test.ts"] })) {
    const source = readFileSync(join(ROOT, path), "utf8").replaceAll(/\/\*.*?\*\//gs, "");
    for (const [, name, union] of source.matchAll(/^export type (\w+Code) =([^;]+);/gm)) {
      if (NOT_THE_PROXY.includes(name as string)) continue;
      for (const [, code] of (union as string).matchAll(/"([A-Z_]+)"/g)) codes.add(code as string);
    }
    for (const [, code] of source.matchAll(/^ {2}([A-Z_]+): \{\s*status: /gm)) codes.add(code as string);
  }
  return codes;
}

test("docs/errors.md explains every code, and no other", (t) => {
  const codes = codesInSources();
  t.true(codes.size > 50, "the sources were not found");
  const documented = new Set(
    [...PAGE.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([, cell]) => cell?.match(/[A-Z_]+/g) ?? []),
  );
  const statusTable = new Set([
    "INVALID_ARGUMENT",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "UNIMPLEMENTED",
    "FAILED_PRECONDITION",
    "OUT_OF_RANGE",
  ]);
  t.deepEqual(
    [...codes].filter((code) => !documented.has(code)),
    [],
    "not explained",
  );
  const known = new Set([...codes, "USER_FUNCTION_UNAVAILABLE", "BAD_SETTING", ...statusTable]);
  t.deepEqual(
    [...documented].filter((code) => !known.has(code)),
    [],
    "explained, but there is no such code",
  );
});
