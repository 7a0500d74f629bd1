// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

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

/** The program, built once into the user's cache folder and found there from then on. */
export async function goTool(tool: GoTool): Promise<BuiltGoTool> {
  const name = tool.package.split("/").at(-1) ?? tool.package;
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const folder = join(cache, "perdure", name);
  const path = join(folder, `${name}-${tool.version}`);
  if (existsSync(path)) return { kind: "built", path };
  try {
    await run("go", ["version"]);
  } catch {
    return { kind: "missing", reason: "no Go" };
  }
  mkdirSync(folder, { recursive: true });
  // Several test files may want the same tool at the same time: each builds aside, the last one stays.
  const aside = mkdtempSync(join(folder, "build-"));
  try {
    const env = { ...process.env, GOBIN: aside, GOFLAGS: "-buildvcs=false" };
    await run("go", ["install", `${tool.package}@${tool.version}`], { env, timeout: BUILD_TIMEOUT_MS });
    renameSync(join(aside, name), path);
    return { kind: "built", path };
  } catch (error) {
    return { kind: "missing", reason: `Go could not build ${name}: ${whyItFailed(error)}` };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function whyItFailed(error: unknown): string {
  const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string };
  if (killed === true) return `not within ${BUILD_TIMEOUT_MS / 1_000} s`;
  const lines = (stderr ?? String(error)).split("\n");
  return lines.find((line) => line !== "" && !line.startsWith("go: downloading")) ?? "it does not say why";
}
