// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempDisposableSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import { describeError } from "../../pkg/base/mod.ts";

import { withFileLock } from "./file-lock.ts";
import { toolCache } from "./go-tool.ts";

const run = promisify(execFile);

/** How long a download may take. */
const TIMEOUT_MS = 120_000;

export type FoundProgram =
  | { readonly kind: "found"; readonly path: string }
  /** The reason is one line for people. */
  | { readonly kind: "missing"; readonly reason: string };

export interface DebianProgram {
  /** Debian's package. */
  readonly package: string;
  /** Where the program is in it, as `usr/bin/promtool`. */
  readonly path: string;
  /** The arguments with which it ends at once and well. */
  readonly trial: readonly string[];
}

/** A file of Debian's package: that of this machine if it is installed, or one that is unpacked into the cache. */
export async function debianFile(file: Pick<DebianProgram, "package" | "path">): Promise<FoundProgram> {
  const installed = join("/", file.path);
  return existsSync(installed) ? { kind: "found", path: installed } : fromDebian(file, basename(file.path));
}

/** The program of this machine, or that of Debian's package, which is unpacked into the cache and not installed. */
export async function debianProgram(program: DebianProgram): Promise<FoundProgram> {
  const name = basename(program.path);
  try {
    await run(name, [...program.trial]);
    return { kind: "found", path: name };
  } catch {
    return fromDebian(program, name);
  }
}

async function fromDebian(
  { package: debian, path: inside }: Pick<DebianProgram, "package" | "path">,
  name: string,
): Promise<FoundProgram> {
  const folder = toolCache(name);
  const path = join(folder, name);
  try {
    mkdirSync(folder, { recursive: true });
    await withFileLock(`${path}.lock`, async () => {
      if (!existsSync(path)) await unpack(debian, inside, folder, path);
    });
    return { kind: "found", path };
  } catch (error) {
    return { kind: "missing", reason: `Debian's package ${debian} cannot be had: ${describeError(error)}` };
  }
}

async function unpack(debian: string, inside: string, folder: string, path: string): Promise<void> {
  using scratch = mkdtempDisposableSync(join(folder, "get-"));
  const options = { cwd: scratch.path, timeout: TIMEOUT_MS };
  const download = () => run("apt-get", ["download", debian], options);
  // A new machine knows no packages yet.
  await download().catch(async () => {
    await run("apt-get", ["update", "-q"], options);
    await download();
  });
  const [archive = ""] = globSync("*.deb", { cwd: scratch.path });
  await run("dpkg-deb", ["--extract", archive, "all"], options);
  renameSync(join(scratch.path, "all", inside), path);
}
