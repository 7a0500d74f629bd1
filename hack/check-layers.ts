// SPDX-License-Identifier: Apache-2.0

/**
 * Checks which file imports which: `node hack/check-layers.ts`. The rules:
 *
 * 1. `pkg/` holds the folders of `LAYERS` and nothing else. A file there imports its own folder, and the doors of
 *    folders above it in that list: `mod.ts`, `settings.ts` and those of `SECOND_DOORS`. A `settings.ts` imports of
 *    other folders only the `mod.ts` of `pkg/base` and `pkg/settings`, and other `settings.ts`.
 * 2. `pkg/sdk` is published by itself: of our own code it imports the `mod.ts` or generated code of `pkg/protocol`.
 * 3. `cmd/*` imports its own folder and the doors of any layer.
 * 4. `samples/*` imports its own files and packages only, as a user's project would.
 * 5. Test code (`TEST_CODE`: `*.test.ts`; `contract.ts`, the test suite of all implementations of an interface;
 *    folders `contract`, `testdata` and `test-…`; all of `test/` and `hack/`) may import the doors and the generated
 *    code of any layer, and `SHARED_BY_TESTS`; in `test/` and `hack/` also samples. No other code imports test code.
 * 6. An imported package is a dependency in the nearest `package.json`: `pkg/sdk` and samples have their own. Test
 *    code may also import development dependencies. Node's own modules are written `node:…`.
 * 7. Only test code imports computed names, because they cannot be checked.
 * 8. A file that is named by `new URL("…", import.meta.url)` exists. It is in the same folder, or, for a command, in
 *    another command. Test code may name any existing file.
 * 9. Every file outside `gen/` starts with the licence line (after `#!`, if any) and has at most 600 lines.
 * 10. A line of a comment has at most 120 characters.
 * 11. Files do not import each other in a circle. Imports of types count, because a reader follows them as well.
 * 12. A file in `pkg/` or `cmd/` that only test code uses is in a folder of test code, so that rule 5 keeps it out of
 *     the product. Doors and programs (`mod.ts`, `main.ts`) are exceptions, because users use them.
 * 13. What a part is given is named `…Dependencies`, and docstrings name errors with `@throws`. In `pkg/` it has
 *     `telemetry` and not `logger`; layers that do not import `pkg/telemetry` are exceptions (`layers/spelling.ts`).
 * 14. The message of a log line is a constant, and what varies is in its fields.
 */

import { existsSync, globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, posix } from "node:path";

import { circlesOf } from "./layers/circles.ts";
import type { ImportSite } from "./layers/scan-imports.ts";
import { scanImports } from "./layers/scan-imports.ts";
import { findLoggers, findLogTemplates, findMisspellings } from "./layers/spelling.ts";

/** Lower layers first. */
const LAYERS: readonly string[] = [
  "base",
  "settings",
  "telemetry",
  "protocol",
  "call",
  "grpc",
  "crdt",
  "cloudevents",
  "nats",
  "eventlog",
  "consumer",
  "record",
  "cluster",
  "userfunction",
  "entity",
  "router",
  "endpoint",
  "eventing",
  "proxy",
  "k8s",
  "webhook",
  "autoscaler",
  "sdk",
];

const TEST_CODE = /^(test|hack)\/|\.test\.ts$|\/(testdata|contract|test-[a-z-]+)\/|\/contract\.ts$/;
const SHARED_BY_TESTS = /^(test\/lib|hack\/(nats|cluster|image|bundle))\//;
const FOR_USERS = /\/(mod|main)\.ts$/;
const GENERATED = /\/gen\//;
const ENTRY = /^pkg\/[^/]+\/(?:mod|settings)\.ts$/;
const DECLARATION = /^pkg\/[^/]+\/settings\.ts$/;
/** What a declaration of settings may import of other layers, so that it loads no code of theirs. */
const OF_DECLARATION = /^pkg\/(?:(?:base|settings)\/mod|[^/]+\/settings)\.ts$/;
/** A part of a layer that others import without loading the rest, such as packages that only the rest needs. */
const SECOND_DOORS: readonly string[] = [
  "pkg/cluster/forward/mod.ts",
  "pkg/cluster/nats/mod.ts",
  "pkg/cluster/node/mod.ts",
  "pkg/eventlog/address/mod.ts",
  "pkg/nats/address/mod.ts",
  "pkg/router/wire/mod.ts",
  "pkg/telemetry/otel/mod.ts",
];
/** What a layer offers to the tests of all layers. */
const TEST_DOOR = /^pkg\/[^/]+\/test-[a-z-]+\/mod\.ts$/;
/** Code whose dependencies may have a logger: what is not a layer, and layers that do not import `pkg/telemetry`. */
const WITHOUT_TELEMETRY = /^(?!pkg\/)|^pkg\/(?:base|settings|telemetry|sdk)\//;
const SPDX = "// SPDX-License-Identifier: Apache-2.0";
const MAX_LINES = 600;
const COMMENT = /^\s*(?:\/\/|\/?\*)/;
const MAX_COMMENT_COLUMNS = 120;

export interface Violation {
  /** From the root, with `/`. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export function checkLayers(root: string): Violation[] {
  const files = globSync("{pkg,cmd,hack,test,samples}/**/*.ts", {
    cwd: root,
    exclude: ["**/node_modules/**"],
  });
  const checked = files
    .sort()
    .filter((file) => !GENERATED.test(file))
    .map((file) => readSource(root, file));
  return [
    ...checkFolders(root),
    ...checked.flatMap((source) => checkSource(root, source)),
    ...checkCircles(checked),
    ...checkTestRooms(checked),
  ];
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly sites: readonly ImportSite[];
}

function readSource(root: string, file: string): Source {
  const text = readFileSync(join(root, file), "utf8");
  return { file, text, sites: scanImports(text, file) };
}

function checkFolders(root: string): Violation[] {
  const names = globSync("pkg/**/*.*", { cwd: root, exclude: ["**/node_modules/**"] }).map(
    (file) => file.split("/")[1] ?? "",
  );
  const unknown = [...new Set(names)].filter((name) => !LAYERS.includes(name)).sort();
  const text = "is not a layer; pkg/ holds layers only";
  return unknown.map((name) => ({ file: `pkg/${name}`, line: 1, text }));
}

function checkSource(root: string, { file, text: source, sites }: Source): Violation[] {
  const found: Violation[] = [];
  const lines = source.trimEnd().split("\n");
  const first = lines[0]?.startsWith("#!") ? lines[1] : lines[0];
  if (first !== SPDX) found.push({ file, line: 1, text: `does not start with: ${SPDX}` });
  if (lines.length > MAX_LINES) {
    found.push({ file, line: MAX_LINES, text: `has ${lines.length} lines; ${MAX_LINES} is the most` });
  }
  for (const [index, line] of lines.entries()) {
    // The formatter keeps code within its width, and leaves comments as they are.
    if (line.length > MAX_COMMENT_COLUMNS && COMMENT.test(line))
      found.push({ file, line: index + 1, text: `a comment is longer than ${MAX_COMMENT_COLUMNS} columns` });
  }
  for (const misspelling of findMisspellings(lines)) found.push({ file, ...misspelling });
  if (!WITHOUT_TELEMETRY.test(file))
    for (const misspelling of findLoggers(lines)) found.push({ file, ...misspelling });
  if (!isTest(file)) for (const template of findLogTemplates(source)) found.push({ file, ...template });
  for (const site of sites) {
    const text = checkSite(root, file, site);
    if (text !== undefined) found.push({ file, line: site.line, text });
  }
  return found;
}

function checkCircles(sources: readonly Source[]): Violation[] {
  const lines = new Map<string, Map<string, number>>();
  for (const { file, sites } of sources) {
    const targets = sites.filter(({ kind }) => kind === "import").toReversed();
    lines.set(file, new Map(targets.map((site) => [targetOf(file, site.specifier ?? ""), site.line])));
  }
  return circlesOf(new Map(Array.from(lines, ([file, targets]) => [file, [...targets.keys()]]))).map(
    (circle) => {
      const [file = "", next = file] = circle;
      const line = lines.get(file)?.get(next) ?? 1;
      return { file, line, text: `imports in a circle: ${[...circle, file].join(" -> ")}` };
    },
  );
}

/** Finds files that only test code uses and that are not where test code is. */
function checkTestRooms(sources: readonly Source[]): Violation[] {
  const used = new Set<string>();
  const usedByTests = new Set<string>();
  for (const { file, sites } of sources) {
    const users = isTest(file) ? usedByTests : used;
    for (const { specifier = "" } of sites) users.add(targetOf(file, specifier));
  }
  const text = "is used by test code only; move it into a folder of test code";
  return sources
    .filter(({ file }) => ["pkg", "cmd"].includes(zone(file)) && !isTest(file) && !FOR_USERS.test(file))
    .filter(({ file }) => usedByTests.has(file) && !used.has(file))
    .map(({ file }) => ({ file, line: 1, text }));
}

/** What is wrong with one import; undefined if it is allowed. */
function checkSite(root: string, file: string, { kind, specifier }: ImportSite): string | undefined {
  if (specifier === undefined)
    return isTest(file) ? undefined : "imports a computed name, which cannot be checked";
  const relative = specifier.startsWith(".");
  if (!relative) return kind === "file" ? undefined : checkPackage(root, file, specifier);
  const target = targetOf(file, specifier);
  if (kind === "import") return checkImport(file, target);
  if (!existsSync(join(root, target))) return `names a file that does not exist: ${target}`;
  const near = unit(target) === unit(file) || (zone(file) === "cmd" && zone(target) === "cmd");
  return near || isTest(file) ? undefined : `names a file outside of ${unit(file)}: ${target}`;
}

/** What a relative specifier names. A package becomes the name of no file. */
function targetOf(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

function checkImport(file: string, target: string): string | undefined {
  if (isTest(target) && !isTest(file)) return `imports test code: ${target}`;
  if (unit(target) === unit(file)) return undefined;
  if (zone(file) === "samples") return `imports ${target}; a sample imports its own files and packages only`;
  if (isTest(file)) {
    const shared = isDoor(target) || GENERATED.test(target) || SHARED_BY_TESTS.test(target);
    const samples = zone(target) === "samples" && ["test", "hack"].includes(zone(file));
    const doubles = TEST_DOOR.test(target);
    return shared || doubles || samples ? undefined : `imports the inside of another folder: ${target}`;
  }
  if (zone(target) !== "pkg") return `imports ${target}, which is not below it in the layers`;
  if (unit(file) === "pkg/sdk" && unit(target) === "pkg/protocol" && GENERATED.test(target)) return undefined;
  if (!isDoor(target)) return `imports ${target}; import ${unit(target)}/mod.ts`;
  if (DECLARATION.test(file) && !OF_DECLARATION.test(target)) {
    return `imports ${target}; a declaration of settings imports declarations only`;
  }
  if (unit(file) === "pkg/sdk" && unit(target) !== "pkg/protocol") {
    return `imports ${target}; the SDK imports pkg/protocol and packages only`;
  }
  const upwards = zone(file) === "pkg" && layer(target) > layer(file);
  return upwards ? `imports ${target}, a layer above its own` : undefined;
}

function checkPackage(root: string, file: string, specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (isBuiltin(specifier)) return `imports ${specifier}; write node:${specifier}`;
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const folder = isPackage(join(root, unit(file), "package.json")) ? unit(file) : "";
  const known = dependencies(join(root, folder, "package.json"), isTest(file));
  if (isTest(file)) for (const each of dependencies(join(root, "package.json"), true)) known.add(each);
  return known.has(name)
    ? undefined
    : `imports ${name}, on which ${join(folder, "package.json")} does not depend`;
}

/** A manifest without a name makes no package: it only sets the module type of the files below it. */
function isPackage(manifestFile: string): boolean {
  if (!existsSync(manifestFile)) return false;
  return "name" in (JSON.parse(readFileSync(manifestFile, "utf8")) as object);
}

function dependencies(manifestFile: string, development: boolean): Set<string> {
  const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Record<string, object | undefined>;
  const groups = ["dependencies", "peerDependencies", ...(development ? ["devDependencies"] : [])];
  return new Set(groups.flatMap((group) => Object.keys(manifest[group] ?? {})));
}

/** The part of the project to which a file belongs: `pkg/base`, `cmd/proxy`, `samples/x`, `hack`, `test`. */
function unit(file: string): string {
  const [top = "", name = ""] = file.split("/");
  return ["hack", "test"].includes(top) ? top : `${top}/${name}`;
}

function zone(file: string): string {
  return file.split("/", 1)[0] ?? "";
}

function layer(file: string): number {
  return LAYERS.indexOf(file.split("/")[1] ?? "");
}

function isDoor(target: string): boolean {
  return ENTRY.test(target) || SECOND_DOORS.includes(target);
}

function isTest(file: string): boolean {
  return TEST_CODE.test(file);
}

function main(): void {
  const violations = checkLayers(dirname(import.meta.dirname));
  for (const { file, line, text } of violations) console.log(`${file}:${line}: ${text}`);
  if (violations.length > 0) process.exitCode = 1;
  console.log(violations.length === 0 ? "layers hold" : `\n${violations.length} violations`);
}

if (import.meta.main) main();
