// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";

export interface Step {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface StepResult {
  readonly passed: boolean;
  /** What the command printed on both its streams, in the order in which it came. */
  readonly output: string;
  readonly durationMs: number;
}

/** Its `PATH` begins with the commands of installed packages, the repository's own Node among them. */
export function toolEnvironment(root: string): NodeJS.ProcessEnv {
  const tools = join(root, "node_modules", ".bin");
  return { ...process.env, PATH: `${tools}${delimiter}${process.env["PATH"] ?? ""}` };
}

/**
 * Runs a command to its end. One that cannot be started has failed, with the reason as its output.
 *
 * @param onOutput gets what the command prints as it comes.
 */
export async function runStep(
  step: Step,
  root: string,
  onOutput: (chunk: string) => void = () => {},
): Promise<StepResult> {
  const startedMs = performance.now();
  const child = spawn(step.command, step.args, {
    cwd: root,
    env: toolEnvironment(root),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      onOutput(chunk);
    });
  }
  let passed = false;
  try {
    const [code] = (await once(child, "close")) as [number | null];
    passed = code === 0;
    if (code === null) output += `\nended by signal ${child.signalCode}\n`;
  } catch (error) {
    output += `${step.command} could not be run: ${String(error)}\n`;
  }
  return { passed, output, durationMs: performance.now() - startedMs };
}
