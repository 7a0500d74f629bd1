// SPDX-License-Identifier: Apache-2.0

/**
 * One run of the user function, in a process group of its own.
 *
 * 1. Signals go to the whole group: what the command started ends with it.
 * 2. When its first process has exited, the rest of the group is ended too, within `STRAY_MS`.
 * 3. A Ctrl-C in the terminal does not reach it, so that its proxy can drain first.
 */

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import type { FunctionCommand } from "./function-command.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { Exit } from "./restart-policy.ts";

export interface FunctionProcess {
  /** Its process group; undefined if it did not start. */
  readonly group: number | undefined;
  /** Resolves when no process of it is left and all its lines were passed on. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Asks it to end: SIGTERM. */
  terminate(): void;
  /** SIGKILL. */
  kill(): void;
}

export interface FunctionProcessOptions {
  readonly command: FunctionCommand;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
}

/** How long the rest of a group may take to end after its first process, in milliseconds. */
const STRAY_MS = 2_000;

/** How often such a group is checked, in milliseconds. */
const LOOK_MS = 25;

/** How long output may stay open after the exit, in milliseconds: a process that left the group may hold it open. */
const OUTPUT_MS = 200;

export function startFunction({ command, folder, env, onLine }: FunctionProcessOptions): FunctionProcess {
  const child = spawn(command.file, [...command.args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  for (const stream of ["stdout", "stderr"] as const) {
    const lines = new LineSplitter((line) => onLine(line, stream));
    child[stream].on("data", (chunk: Buffer) => lines.write(chunk));
    child[stream].on("end", () => lines.end());
    child[stream].on("error", () => undefined);
  }
  const group = child.pid;
  return {
    group,
    exited: watchExit(child, command),
    terminate: () => void signalGroup(group, "SIGTERM"),
    kill: () => void signalGroup(group, "SIGKILL"),
  };
}

async function watchExit(child: ChildProcess, command: FunctionCommand): Promise<Exit> {
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exit = await new Promise<Exit>((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => resolve(notStarted(error, command)));
    child.once("exit", (code, signal) => {
      resolve(signal === null ? { kind: "code", code: code ?? 0 } : { kind: "signal", signal });
    });
  });
  if (exit.kind === "not started") return exit;
  await endGroup(child.pid);
  await Promise.race([closed, delay(OUTPUT_MS)]);
  return exit;
}

function notStarted(error: NodeJS.ErrnoException, { file }: FunctionCommand): Exit {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: `there is no program ${file}`,
    EACCES: `${file} may not be run; is it executable?`,
  };
  return { kind: "not started", reason: reasons[error.code ?? ""] ?? error.message };
}

async function endGroup(group: number | undefined): Promise<void> {
  if (!signalGroup(group, "SIGTERM")) return;
  for (let waitedMs = 0; waitedMs < STRAY_MS; waitedMs += LOOK_MS) {
    await delay(LOOK_MS);
    if (!signalGroup(group, 0)) return;
  }
  signalGroup(group, "SIGKILL");
}

/** False if nothing of the group is left. */
function signalGroup(group: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (group === undefined) return false;
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
