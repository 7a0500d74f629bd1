// SPDX-License-Identifier: Apache-2.0

import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { DevError } from "./dev-error.ts";
import type { Project } from "./project.ts";

/** How the user function is run. */
export interface FunctionCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** As its developer wrote it. */
  readonly text: string;
}

/** Set for the function, so that a `perdure dev` inside `perdure dev` is noticed. */
export const NESTING_VARIABLE = "PERDURE_DEV";

/**
 * The first of: the command after `--`; `perdure.dev` of `package.json`; its start script, unless that starts
 * `perdure dev` itself; `main.ts` or `main.js`.
 *
 * @throws DevError `NO_FUNCTION` if there is none of them.
 */
export function functionCommand(explicit: readonly string[], project: Project): FunctionCommand {
  const [file, ...args] = explicit;
  if (file !== undefined) return { file, args, text: explicit.join(" ") };
  const { devCommand, startScript, mainFile } = project;
  if (devCommand !== undefined) return parseCommand(devCommand);
  if (startScript !== undefined && !/\bperdure(?:\/main\.ts)?\s+dev\b/.test(startScript)) {
    return parseCommand(startScript);
  }
  if (mainFile !== undefined) return { file: "node", args: [mainFile], text: `node ${mainFile}` };
  throw new DevError(
    "NO_FUNCTION",
    `${project.folder} does not say how to run it: it has neither main.ts nor main.js, and its package.json has ` +
      'neither "perdure": {"dev": "..."} nor a start script; or say it here: perdure dev -- node server.js',
  );
}

/**
 * How code is generated from `.proto` files: the script `generate` of `package.json`, else buf, if its template is
 * there.
 */
export function generateCommand({ generateScript, hasBufTemplate }: Project): FunctionCommand | undefined {
  if (generateScript !== undefined) return parseCommand(generateScript);
  return hasBufTemplate ? parseCommand("buf generate") : undefined;
}

/** How types are checked; undefined if the project has no `tsconfig.json`, or no TypeScript is installed for it. */
export function typeCheckCommand({ folder, hasTypes }: Project): FunctionCommand | undefined {
  if (!hasTypes) return undefined;
  const file = binFolders(folder)
    .map((bin) => join(bin, "tsc"))
    .find((path) => existsSync(path));
  if (file === undefined) return undefined;
  return { file, args: ["--noEmit", "--pretty", "false", "-p", "."], text: "tsc --noEmit" };
}

/** Where programs of the project's packages are, the nearest first. */
function binFolders(folder: string): string[] {
  const bins: string[] = [];
  for (let current = folder; ; current = dirname(current)) {
    bins.push(join(current, "node_modules", ".bin"));
    if (current === dirname(current)) return bins;
  }
}

/** Text that a shell does not read as plain words, or its builtin `exec`, which is no program. */
const SHELL_SYNTAX = /[^\w\s@%+:,./-]|^exec\s/;

/** Plain words are run directly, so that signals and exit codes are the function's own; anything else by a shell. */
function parseCommand(text: string): FunctionCommand {
  const [file, ...args] = text.split(/\s+/);
  if (file === undefined || SHELL_SYNTAX.test(text)) return { file: "/bin/sh", args: ["-c", text], text };
  return { file, args, text };
}

export interface FunctionAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * The function's environment: the address to listen on, and a `PATH` that begins with the Node that runs this process
 * and then the programs of the project's packages, as for npm scripts.
 */
export function functionEnvironment(
  base: Readonly<NodeJS.ProcessEnv>,
  { host, port }: FunctionAddress,
  folder: string,
  nodePath: string,
): NodeJS.ProcessEnv {
  const path = [dirname(nodePath), ...binFolders(folder), base["PATH"] ?? ""].filter((entry) => entry !== "");
  return {
    ...base,
    HOST: host,
    PORT: String(port),
    PATH: path.join(delimiter),
    [NESTING_VARIABLE]: "1",
  };
}
