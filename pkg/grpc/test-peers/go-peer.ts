// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

// For tests: builds and runs the peer on grpc-go.

const SOURCES = join(import.meta.dirname, "../../../test/interop/grpc-go");
const run = promisify(execFile);

/** The peer's program, or why there is none on this machine. */
export type GoPeer = { readonly program: string } | { readonly skipped: string };

/** Builds the peer, unless these very sources were built before. */
export async function buildGoPeer(): Promise<GoPeer> {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go"]) hash.update(await readFile(join(SOURCES, name)));
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "perdure", "grpc-go");
  const program = join(folder, hash.digest("hex").slice(0, 16));
  if (await exists(program)) return { program };

  try {
    await run("go", ["version"]);
  } catch {
    return { skipped: "no Go" };
  }
  await mkdir(folder, { recursive: true });
  // Built under another name and then renamed, so that two runs at a time do not see half a program.
  const building = `${program}.${process.pid}`;
  try {
    await run("go", ["build", "-o", building, "."], { cwd: SOURCES });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    if (/dial tcp|lookup |i\/o timeout|TLS handshake|connection refused/.test(stderr ?? ""))
      return { skipped: "the modules of the Go peer cannot be fetched" };
    throw error;
  }
  await rename(building, program);
  return { program };
}

export interface RunningGoPeer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the peer's server. */
export async function serveGoPeer(program: string): Promise<RunningGoPeer> {
  const child = spawn(program, ["-serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { port: Number(line), stop: () => stop(child) };
}

/** The outcome of one call by the peer's client. */
export interface GoOutcome {
  readonly case: string;
  readonly code: string;
  readonly message: string;
  readonly length: number;
  /** Whether what came back is what was sent. */
  readonly same: boolean;
  readonly header: Readonly<Record<string, string[]>> | null;
  readonly trailer: Readonly<Record<string, string[]>> | null;
}

/** Lets the peer's client make all its calls. */
export async function callWithGoPeer(program: string, port: number): Promise<Map<string, GoOutcome>> {
  const { stdout } = await run(program, ["-call", `127.0.0.1:${port}`]);
  const outcomes = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as GoOutcome);
  return new Map(outcomes.map((outcome) => [outcome.case, outcome]));
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.stdin?.end();
  await exited;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
