// SPDX-License-Identifier: Apache-2.0

import type { ExecFileException } from "node:child_process";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { ClusterError } from "./error.ts";

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given as standard input. */
  readonly input?: string;
  /** The command is killed and has failed after this time. Default one minute. */
  readonly timeoutMs?: number;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

export type RunCommand = (argv: readonly string[], options?: CommandOptions) => Promise<CommandOutput>;

const run = promisify(execFile);

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 << 20;
const SHOWN_LINES = 10;

/** Runs a command to its end. Rejects with `COMMAND_FAILED`, and the end of what it wrote, if it fails. */
export const runCommand: RunCommand = async (argv, { cwd, env, input, timeoutMs = TIMEOUT_MS } = {}) => {
  const [program = "", ...args] = argv;
  const running = run(program, args, {
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  });
  // Ignored, because a command need not read all of its input.
  running.child.stdin?.on("error", () => {});
  running.child.stdin?.end(input);
  try {
    return await running;
  } catch (error) {
    const { killed, code, stdout = "", stderr = "" } = error as ExecFileException;
    const why = killed === true ? `did not end in ${timeoutMs / 1_000} s` : `ended with ${code}`;
    const lines = (stderr || stdout).trim().split("\n").filter(Boolean).slice(-SHOWN_LINES);
    const shown = argv.join(" ").slice(0, 200);
    throw new ClusterError("COMMAND_FAILED", [`${shown} ${why}`, ...lines].join("\n  "), { cause: error });
  }
};
