// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess, StdioOptions } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { Job, Load, LoadAnswer } from "./loader/job.ts";

/** How long a process may take to end when asked, before it is killed. */
const STOP_TIMEOUT_MS = 5_000;
/** How long an answer may take beyond the time of the job itself, in milliseconds. */
const JOB_TIMEOUT_MS = 60_000;

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export interface ProgramOptions {
  readonly args?: readonly string[];
  /** Flags for Node itself. */
  readonly nodeArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a channel to this process and no output. */
  readonly stdio?: StdioOptions;
}

/** Starts a program. It is killed when this process ends. */
export function startProgram(file: URL, options: ProgramOptions = {}): ChildProcess {
  const { args = [], nodeArgs = [], env = {}, stdio = ["ignore", "ignore", "inherit", "ipc"] } = options;
  const argv = [...nodeArgs, fileURLToPath(file), ...args];
  const child = spawn(process.execPath, argv, { env: { ...process.env, ...env }, stdio });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Asks a process to end, and kills it if it does not within `timeoutMs`. */
export async function stopProgram(child: ChildProcess, timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
  if (!running.has(child)) return;
  const exited = once(child, "exit");
  using _ = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  child.kill("SIGTERM");
  await exited;
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => stopProgram(child)));
}

/** The next message of the process. Rejects if the process ends before. */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const over = new AbortController();
  const { signal } = over;
  try {
    return await Promise.race([
      once(child, "message", { signal }).then(([message]) => message as T),
      once(child, "exit", { signal }).then(([code]) => {
        throw new Error(`${child.spawnargs.join(" ")} ended with ${code ?? child.signalCode}`);
      }),
    ]);
  } finally {
    over.abort();
  }
}

/** Runs a job. Rejects if one of its calls fails. One job at a time. */
export type RunJob = (what: string, job: Job) => Promise<Load>;

/** Starts the process that makes requests. */
export function startLoader(): RunJob {
  const child = startProgram(new URL("./loader/main.ts", import.meta.url), { nodeArgs: ["--expose-gc"] });
  return async (what, job) => {
    const { until } = job;
    const jobMs = until.kind === "time" ? until.warmUpMs + until.measureMs : 0;
    // A process that does not answer in time is killed, and its end rejects the job.
    using _ = setTimeout(() => child.kill("SIGKILL"), JOB_TIMEOUT_MS + jobMs);
    const answer = nextMessage<LoadAnswer>(child);
    child.send(job);
    try {
      const message = await answer;
      if ("error" in message) throw new Error(message.error);
      return message.load;
    } catch (error) {
      throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
    }
  };
}
