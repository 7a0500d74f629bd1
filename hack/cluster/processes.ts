// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ClusterPaths } from "./paths.ts";

interface Identity {
  readonly pid: number;
  /** In ticks since the machine was started. The id alone is not enough, because the system reuses it. */
  readonly startTicks: string;
}

const POLL_MS = 50;
/** How long to wait for the end of a process after SIGKILL, in milliseconds. */
const KILL_TIMEOUT_MS = 5_000;

/**
 * The programs of the cluster that outlive the command that started them, each known by a name.
 *
 * 1. A file says which process is meant, by its id and the time of its start. No other process is ever signalled.
 * 2. A program that runs is not started again.
 */
export class Processes {
  readonly #folder: string;
  readonly #logs: string;

  constructor({ run, logs }: ClusterPaths) {
    this.#folder = join(run, "pids");
    this.#logs = logs;
  }

  /** Starts it in the background, with a log file of its name. */
  start(name: string, argv: readonly string[]): void {
    if (this.isRunning(name)) return;
    mkdirSync(this.#folder, { recursive: true });
    mkdirSync(this.#logs, { recursive: true });
    const log = openSync(this.logFile(name), "w");
    try {
      const [program = "", ...args] = argv;
      const child = spawn(program, args, { detached: true, stdio: ["ignore", log, log] });
      // Ignored: the next wait fails because the program does not answer.
      child.on("error", () => {});
      child.unref();
      const startTicks = child.pid === undefined ? undefined : startTicksOf(child.pid);
      if (startTicks === undefined) return;
      writeFileSync(this.#file(name), JSON.stringify({ pid: child.pid, startTicks }));
    } finally {
      closeSync(log);
    }
  }

  logFile(name: string): string {
    return join(this.#logs, `${name}.log`);
  }

  /** All that were started and not stopped, whether they still run or not. */
  names(): string[] {
    return attempt(() => readdirSync(this.#folder).sort()) ?? [];
  }

  isRunning(name: string): boolean {
    return this.#pidOf(name) !== undefined;
  }

  /** Sends SIGTERM, and SIGKILL after `graceMs` milliseconds. With 0 it sends SIGKILL at once. */
  async stop(name: string, graceMs: number): Promise<void> {
    const pid = this.#pidOf(name);
    if (pid !== undefined) {
      if (graceMs > 0) await endAll([pid], "SIGTERM", graceMs);
      if (this.isRunning(name)) await endAll([pid], "SIGKILL", KILL_TIMEOUT_MS);
    }
    rmSync(this.#file(name), { force: true });
  }

  /** Undefined if it does not run. */
  #pidOf(name: string): number | undefined {
    const found = attempt(() => JSON.parse(readFileSync(this.#file(name), "utf8")) as Identity);
    return found !== undefined && startTicksOf(found.pid) === found.startTicks ? found.pid : undefined;
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

/** Sends the signal, and waits until the processes have ended or the time is over. */
export async function endAll(
  pids: readonly number[],
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<void> {
  for (const pid of pids) attempt(() => process.kill(pid, signal));
  const endMs = performance.now() + timeoutMs;
  while (pids.some((pid) => startTicksOf(pid) !== undefined) && performance.now() < endMs)
    await delay(POLL_MS);
}

/** The result of the work. Undefined if it throws, as it does if a process or a file is gone. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** In ticks since the machine was started. Undefined if there is no such process or it is a zombie. */
export function startTicksOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8")) ?? "";
  // The fields after the name, which may hold anything. State is field 3, the start is field 22 (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
