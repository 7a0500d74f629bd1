// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
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

/** The folder in the user's cache where downloaded and built tools are kept. */
export function toolCache(name: string): string {
  // The XDG Base Directory Specification treats an empty variable as unset.
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "perdure", name);
}

/**
 * A program of one of our own Go modules, or of a module that it requires. It is for programs that `go install`
 * cannot build.
 */
export interface GoDependency {
  /** The folder with `go.mod` and `go.sum`, which name the module's dependencies, and with its own Go files. */
  readonly folder: string;
  /** The package to build. */
  readonly package: string;
}

/**
 * The program, built once into the user's cache folder and found there from then on. Several test files may want the
 * same one at the same time: one builds, the others wait for it.
 */
export function goTool(tool: GoTool): Promise<BuiltGoTool> {
  const install = async (aside: string): Promise<void> => {
    await go(["install", `${tool.package}@${tool.version}`], { env: { GOBIN: aside } });
  };
  return builtOnce(programName(tool.package), tool.version, install);
}

/**
 * The same for a module of ours or one of its dependencies. It is built again when the Go files of its folder change.
 */
export function goDependency({ folder, package: path }: GoDependency): Promise<BuiltGoTool> {
  const hash = createHash("sha256");
  const files = readdirSync(folder).filter((name) => /^go\.(?:mod|sum)$|\.go$/.test(name));
  for (const file of files.sort()) hash.update(readFileSync(join(folder, file)));
  const build = async (aside: string): Promise<void> => {
    await go(["build", "-o", join(aside, programName(path)), path], { cwd: folder });
  };
  return builtOnce(programName(path), hash.digest("hex").slice(0, 16), build);
}

async function builtOnce(
  name: string,
  version: string,
  build: (folder: string) => Promise<void>,
): Promise<BuiltGoTool> {
  const folder = toolCache(name);
  const path = join(folder, `${name}-${version}`);
  if (existsSync(path)) return { kind: "built", path };
  try {
    await run("go", ["version"]);
  } catch {
    return { kind: "missing", reason: "no Go" };
  }
  try {
    mkdirSync(folder, { recursive: true });
    await withFileLock(`${path}.lock`, async () => {
      if (!existsSync(path)) await buildAside(name, path, build);
    });
    return { kind: "built", path };
  } catch (error) {
    return { kind: "missing", reason: `Go could not build ${name}: ${whyItFailed(error)}` };
  }
}

/** Builds in another folder and then renames, so that the program at `path` is always complete. */
async function buildAside(
  name: string,
  path: string,
  build: (folder: string) => Promise<void>,
): Promise<void> {
  const aside = mkdtempSync(join(dirname(path), "build-"));
  try {
    await build(aside);
    renameSync(join(aside, name), path);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function go(
  args: readonly string[],
  { env = {}, cwd }: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<void> {
  const all = { ...process.env, GOFLAGS: "-buildvcs=false", ...env };
  await run("go", args, { env: all, timeout: BUILD_TIMEOUT_MS, ...(cwd !== undefined && { cwd }) });
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
