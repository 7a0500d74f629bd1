// SPDX-License-Identifier: Apache-2.0

import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";

import type { Program } from "../bundle/programs.ts";
import { functionProgram } from "../bundle/programs.ts";

/** Looked for in this order, as `perdure dev` does. */
const MAIN_FILES = ["main.ts", "main.js", "main.mjs"];

/**
 * The user function in a folder, which may be anywhere. Its image is named after its package, or after the folder if
 * the package has no name.
 *
 * @param entry path from the folder of the file that starts the function. Default: the first that exists of
 * `main.ts`, `main.js`, `main.mjs` and the `main` of its `package.json`.
 * @throws Error if there is no such folder or file.
 */
export function functionIn(path: string, entry?: string): Program {
  const folder = resolve(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`there is neither a program nor a folder ${path}`);
  }
  const { name, main } = readManifest(join(folder, "package.json"));
  const candidates = entry === undefined ? [...MAIN_FILES, ...(main === undefined ? [] : [main])] : [entry];
  const found = candidates.find((file) => isFileIn(folder, file));
  if (found === undefined) {
    const problem = entry === undefined ? "has neither main.ts nor main.js" : `has no file ${entry}`;
    throw new Error(`${folder} ${problem}; --entry says which file starts the function, from its folder`);
  }
  return functionProgram(folder, found, shortName(name ?? basename(folder)));
}

function isFileIn(folder: string, file: string): boolean {
  const path = resolve(folder, file);
  return !relative(folder, path).startsWith("..") && existsSync(path) && statSync(path).isFile();
}

function readManifest(path: string): { readonly name?: string; readonly main?: string } {
  if (!existsSync(path)) return {};
  const { name, main } = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>>;
  return { ...(typeof name === "string" && { name }), ...(typeof main === "string" && { main }) };
}

/** The package's name without its scope, with only characters that an image's name may have. */
function shortName(name: string): string {
  const safe = (name.split("/").at(-1) ?? "").toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return safe.replaceAll(/^-+|-+$/g, "") || "function";
}
