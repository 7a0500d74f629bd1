// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** How long a process may take to end when asked, before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

/** The child processes of one benchmark. It kills them when it ends. */
export class Children implements AsyncDisposable {
  readonly #running = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill("SIGKILL");
  };

  constructor() {
    process.on("exit", this.#killAll);
  }

  /** A program of the benchmark's own, with a channel to it. */
  fork(file: URL, args: readonly string[] = []): ChildProcess {
    return this.#add(fork(file, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] }));
  }

  /** Any other program, with its output to be read. */
  spawn(
    file: URL,
    nodeArgs: readonly string[],
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const argv = [...nodeArgs, fileURLToPath(file), ...args];
    const options = { env: { ...process.env, ...env } };
    return this.#add(spawn(process.execPath, argv, { ...options, stdio: ["ignore", "pipe", "pipe"] }));
  }

  /** Asks a process to end, and kills it if it does not. */
  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    child.kill("SIGTERM");
    await exited;
    clearTimeout(timer);
  }

  /** Ends a process at once: it does nothing more. */
  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
    process.off("exit", this.#killAll);
  }

  #add(child: ChildProcess): ChildProcess {
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return child;
  }
}

/** The next message of the process. Rejects if the process ends before. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      child.off("exit", onExit);
      resolve(message);
    };
    const onExit = (code: number | null, signal: string | null): void => {
      child.off("message", onMessage);
      reject(new Error(`${child.spawnargs.join(" ")} ended (code ${code}, signal ${signal})`));
    };
    child.once("message", onMessage);
    child.once("exit", onExit);
  });
}
