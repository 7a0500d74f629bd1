// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { withFileLock } from "./file-lock.ts";
import { toolCache } from "./go-tool.ts";

const run = promisify(execFile);

/** How long pip may take, in milliseconds. */
const INSTALL_TIMEOUT_MS = 300_000;

export type PythonPackage =
  /** The folder for `PYTHONPATH`. */
  | { readonly kind: "there"; readonly folder: string }
  /** This machine cannot install it. The reason is one line. */
  | { readonly kind: "missing"; readonly reason: string };

/** A package of Python, installed once into the user's cache folder. @param version the exact one. */
export async function pythonPackage(name: string, version: string): Promise<PythonPackage> {
  const folder = join(toolCache("python"), `${name}-${version}`);
  if (existsSync(folder)) return { kind: "there", folder };
  try {
    await run("python3", ["-m", "pip", "--version"]);
  } catch {
    return { kind: "missing", reason: "no Python with pip" };
  }
  try {
    mkdirSync(dirname(folder), { recursive: true });
    await withFileLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await installAside(`${name}==${version}`, folder);
    });
    return { kind: "there", folder };
  } catch (error) {
    const { stderr = String(error) } = error as { readonly stderr?: string };
    return { kind: "missing", reason: `pip could not install ${name}: ${stderr.trim().split("\n").at(-1)}` };
  }
}

/** Installs in another folder and then renames, so that the package at `folder` is always complete. */
async function installAside(requirement: string, folder: string): Promise<void> {
  const aside = mkdtempSync(join(dirname(folder), "install-"));
  try {
    const options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--target", aside];
    await run("python3", ["-m", "pip", "install", ...options, requirement], { timeout: INSTALL_TIMEOUT_MS });
    renameSync(aside, folder);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
