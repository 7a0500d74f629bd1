// SPDX-License-Identifier: Apache-2.0

/**
 * Generates code from the `.proto` files: `node hack/generate.ts [--check]`.
 *
 * Each folder that has a `buf.gen.yaml` (the root, any sample) is generated into a temporary folder first, so that a
 * failure of buf leaves the folder as it was. Then the files that differ from the tree are written. With `--check`
 * they are only listed, and the exit code is 1 if any file is stale, missing or stray.
 */

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";

import { parse } from "yaml";

import { toolEnvironment } from "./verify/step.ts";

const ROOT = dirname(import.meta.dirname);

/** A file that is not as generation makes it. Its path is relative to the folder that was generated. */
export interface Difference {
  readonly path: string;
  readonly kind: "stale" | "missing" | "stray";
}

/** The folders of `root` that generate code, the root first. */
export function generatedFolders(root: string): string[] {
  const templates = globSync("**/buf.gen.yaml", { cwd: root, exclude: ["**/node_modules/**", "build/**"] });
  return templates.map((path) => dirname(join(root, path))).sort();
}

/**
 * Lints the `.proto` files of a folder, generates its code and compares it, byte for byte, with what is there.
 *
 * @param apply Writes what differs and removes what should not be there.
 * @throws Error with buf's own output if buf fails.
 */
export function generate(folder: string, apply: boolean): Difference[] {
  const outputs = outputFolders(readFileSync(join(folder, "buf.gen.yaml"), "utf8"));
  using scratch = mkdtempDisposableSync(join(tmpdir(), "perdure-generate-"));
  if (existsSync(join(folder, "buf.yaml"))) buf(folder, ["lint"]);
  buf(folder, ["generate", "--template", "buf.gen.yaml", "--output", scratch.path]);
  const differences = outputs.flatMap((output) => compare(scratch.path, folder, output));
  if (apply) for (const difference of differences) settle(difference, scratch.path, folder);
  return differences;
}

/** The output folders of the plugins in a `buf.gen.yaml`. All files in these folders are generated. */
function outputFolders(template: string): string[] {
  const { plugins = [] } = parse(template) as { readonly plugins?: readonly { readonly out: string }[] };
  if (plugins.length === 0) throw new Error("buf.gen.yaml names no `out:` folder");
  return [...new Set(plugins.map(({ out }) => out))];
}

function buf(folder: string, args: readonly string[]): void {
  // buf looks for its plugins on the `PATH`, too.
  const run = spawnSync("buf", args, { cwd: folder, encoding: "utf8", env: toolEnvironment(ROOT) });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`buf ${args[0]} failed in ${folder}\n${run.stdout}${run.stderr}`);
}

function compare(fresh: string, tree: string, output: string): Difference[] {
  const [wanted, present] = [contentsOf(join(fresh, output)), contentsOf(join(tree, output))];
  return [...new Set([...wanted.keys(), ...present.keys()])].flatMap((name): Difference[] => {
    const [bytes, own] = [wanted.get(name), present.get(name)];
    if (own !== undefined && bytes?.equals(own) === true) return [];
    const kind = bytes === undefined ? "stray" : own === undefined ? "missing" : "stale";
    return [{ path: posix.join(output, name), kind }];
  });
}

function settle(difference: Difference, fresh: string, tree: string): void {
  const target = join(tree, difference.path);
  if (difference.kind === "stray") return rmSync(target);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(fresh, difference.path), target);
}

/** All files below a folder by their path, sorted. Empty if the folder does not exist. */
function contentsOf(folder: string): Map<string, Buffer> {
  const entries = globSync("**/*", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => posix.relative(folder, join(entry.parentPath, entry.name)));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(folder, path))]));
}

function main(check: boolean): void {
  let count = 0;
  for (const folder of generatedFolders(ROOT)) {
    for (const { path, kind } of generate(folder, !check)) {
      console.log(`${kind.padEnd(8)}${posix.relative(ROOT, join(folder, path))}`);
      count++;
    }
  }
  if (!check)
    return console.log(count === 0 ? "generated code was up to date" : `${count} files brought up to date`);
  if (count === 0) return console.log("generated code is up to date");
  console.log(`\n${count} files are not as generation makes them. Run: npm run generate`);
  process.exitCode = 1;
}

if (import.meta.main) main(process.argv.includes("--check"));
