// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";

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

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 64 << 20;
const SHOWN_LINES = 10;

/** Runs a command to its end. Rejects with `COMMAND_FAILED`, and the end of what it wrote, if it fails. */
export const runCommand: RunCommand = (argv, { cwd, env, input, timeoutMs = TIMEOUT_MS } = {}) => {
  const [program = "", ...args] = argv;
  const options = {
    timeout: timeoutMs,
    killSignal: "SIGKILL" as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(failure(argv, error, stderr || stdout, timeoutMs));
    });
    // Ignored, because a command need not read all of its input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
};

function failure(argv: readonly string[], error: Error, output: string, timeoutMs: number): ClusterError {
  const { killed, code } = error as { readonly killed?: boolean; readonly code?: string | number };
  const why = killed === true ? `did not end in ${timeoutMs / 1_000} s` : `ended with ${code}`;
  const lines = output.trim().split("\n").filter(Boolean).slice(-SHOWN_LINES);
  const shown = argv.join(" ").slice(0, 200);
  return new ClusterError("COMMAND_FAILED", [`${shown} ${why}`, ...lines].join("\n  "), { cause: error });
}
