// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { withFileLock } from "./file-lock.ts";

const run = promisify(execFile);

/** How long the building of a tool may take, the download of its modules included. */
const BUILD_TIMEOUT_MS = 600_000;

export interface GoTool {
  /** The package to build, as `github.com/fullstorydev/grpcurl/cmd/grpcurl`. */
  readonly package: string;
  /** The exact version of its module, as `v1.9.3`. */
  readonly version: string;
}

export type BuiltGoTool =
  | { readonly kind: "built"; readonly path: string }
  /** This machine cannot build it; the reason is one line for people. */
  | { readonly kind: "missing"; readonly reason: string };

/** Where downloaded and built tools stay, in the user's cache folder. */
export function toolCache(name: string): string {
  // An empty variable is one that is not set (XDG Base Directory Specification).
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "perdure", name);
}

/**
 * The program, built once into the user's cache folder and found there from then on. Several test files may want the
 * same one at the same time: one builds, the others wait for it.
 */
export async function goTool(tool: GoTool): Promise<BuiltGoTool> {
  const name = programName(tool.package);
  const folder = toolCache(name);
  const path = join(folder, `${name}-${tool.version}`);
  if (existsSync(path)) return { kind: "built", path };
  try {
    await run("go", ["version"]);
  } catch {
    return { kind: "missing", reason: "no Go" };
  }
  try {
    mkdirSync(folder, { recursive: true });
    await withFileLock(`${path}.lock`, async () => {
      if (!existsSync(path)) await build(tool, name, path);
    });
    return { kind: "built", path };
  } catch (error) {
    return { kind: "missing", reason: `Go could not build ${name}: ${whyItFailed(error)}` };
  }
}

/** Builds aside, so that what is at `path` is always whole. */
async function build(tool: GoTool, name: string, path: string): Promise<void> {
  const aside = mkdtempSync(join(dirname(path), "build-"));
  try {
    const env = { ...process.env, GOBIN: aside, GOFLAGS: "-buildvcs=false" };
    await run("go", ["install", `${tool.package}@${tool.version}`], { env, timeout: BUILD_TIMEOUT_MS });
    renameSync(join(aside, name), path);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The last element of the package's path, before that of the major version (`…/v2`), as Go names it. */
function programName(path: string): string {
  const elements = path.replace(/\/v\d+$/, "").split("/");
  return elements.at(-1) ?? path;
}

function whyItFailed(error: unknown): string {
  const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string };
  if (killed === true) return `not within ${BUILD_TIMEOUT_MS / 1_000} s`;
  const lines = (stderr ?? String(error)).split("\n");
  return lines.find((line) => line !== "" && !line.startsWith("go: downloading")) ?? "it does not say why";
}
