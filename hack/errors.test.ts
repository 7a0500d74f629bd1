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

/** The sources of `pkg` without comments, by path. */
function* productSources(): Generator<readonly [path: string, source: string]> {
  for (const path of globSync("pkg/**/*.ts", { cwd: ROOT, exclude: ["**/gen/**", "**/*.test.ts"] })) {
    if (/\/(?:testdata|test-[a-z-]+|contract)\//.test(path)) continue;
    yield [path, readFileSync(join(ROOT, path), "utf8").replaceAll(/\/\*.*?\*\//gs, "")];
  }
}

/** The closed lists of codes in a source: unions named `…Code`, by name. */
const unionsIn = (source: string): [name: string, union: string][] =>
  [...source.matchAll(/^(?:export )?type (\w+Code) =([^;]+);/gm)].map(([, name = "", union = ""]) => [
    name,
    union,
  ]);

/** Every code of every closed list: unions named `…Code`, and the table of HTTP errors. */
function codesInSources(): Set<string> {
  const codes = new Set<string>();
  for (const [, source] of productSources()) {
    for (const [name, union] of unionsIn(source)) {
      if (NOT_THE_PROXY.includes(name)) continue;
      for (const [, code] of union.matchAll(/"([A-Z_]+)"/g)) codes.add(code as string);
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
  const known = new Set([...codes, "BAD_SETTING", ...statusTable]);
  t.deepEqual(
    [...documented].filter((code) => !known.has(code)),
    [],
    "explained, but there is no such code",
  );
});

test("every list of codes is closed: literals, other lists and the keys of the table of HTTP errors", (t) => {
  for (const [path, source] of productSources()) {
    for (const [name, union] of unionsIn(source)) {
      const open = union.replaceAll(/"[A-Z_]+"|\b\w+Code\b|keyof typeof HTTP_ERRORS|[|\s]/g, "");
      t.is(open, "", `${path}: ${name}`);
    }
  }
});

test("an error for callers has a code of the closed list of its boundary", (t) => {
  const made: string[] = [];
  for (const [path, source] of productSources()) {
    if (/\bnew StatusError\(/.test(source)) made.push(`${path}: new StatusError(`);
    const lists = source.matchAll(/\bextends StatusError(?:<(\w+)>)?|\berrorFactory<(\w+)>\(\)/g);
    for (const [text, base, list] of lists)
      if (!(base ?? list ?? "").endsWith("Code")) made.push(`${path}: ${text}`);
  }
  t.deepEqual(made.sort(), [
    // The code is the choice of the peer that sent the status.
    "pkg/grpc/call-end.ts: extends StatusError",
    // `errorFactory` itself.
    "pkg/grpc/status.ts: new StatusError(",
    // The code is that of a boundary of another proxy.
    "pkg/router/wire/wire-error.ts: extends StatusError",
  ]);
});
