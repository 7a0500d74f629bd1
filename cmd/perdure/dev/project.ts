// SPDX-License-Identifier: Apache-2.0

import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { describeError } from "../../../pkg/base/mod.ts";

import { DevError } from "./dev-error.ts";

/** What `perdure dev` needs to know of the folder that it runs. */
export interface Project {
  /** Absolute path. */
  readonly folder: string;
  /** A short name for log lines and file names: that of the package without its scope, else the folder's. */
  readonly name: string;
  /** `perdure.dev` of `package.json`: how the function is run for development. */
  readonly devCommand: string | undefined;
  /** `scripts.start` of `package.json`. */
  readonly startScript: string | undefined;
  /** `main.ts` or `main.js`, whichever is there. */
  readonly mainFile: string | undefined;
  /** `scripts.generate` of `package.json`: how code is generated from `.proto` files. */
  readonly generateScript: string | undefined;
  /** There is a `buf.gen.yaml`. */
  readonly hasBufTemplate: boolean;
  /** There is a `tsconfig.json`. */
  readonly hasTypes: boolean;
}

/** @throws DevError `NO_FUNCTION` if there is no such folder or its `package.json` cannot be read. */
export function readProject(folder: string): Project {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new DevError("NO_FUNCTION", `there is no folder ${folder}; name the function's folder with --dir`);
  }
  const manifest = readManifest(join(folder, "package.json"));
  const name = textAt(manifest, "name") ?? basename(folder);
  return {
    folder,
    name: shortName(name),
    devCommand: textAt(manifest, "perdure", "dev"),
    startScript: textAt(manifest, "scripts", "start"),
    mainFile: ["main.ts", "main.js"].find((file) => isFile(join(folder, file))),
    generateScript: textAt(manifest, "scripts", "generate"),
    hasBufTemplate: isFile(join(folder, "buf.gen.yaml")),
    hasTypes: isFile(join(folder, "tsconfig.json")),
  };
}

/** Safe as a file name and easy to read before a log line. */
function shortName(name: string): string {
  const safe = (name.split("/").at(-1) ?? "").toLowerCase().replaceAll(/[^a-z0-9._-]+/g, "-");
  return safe.replaceAll(/^[.-]+|[.-]+$/g, "").slice(0, 64) || "function";
}

function readManifest(path: string): unknown {
  if (!isFile(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new DevError("NO_FUNCTION", `${path} cannot be read: ${describeError(cause)}`, { cause });
  }
}

/** The text under these keys; undefined if anything else is there, or an empty text. */
function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  let current = value;
  for (const key of keys) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[key];
  }
  return typeof current === "string" && current.trim() !== "" ? current.trim() : undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
