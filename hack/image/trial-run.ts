// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";

import type { Trial } from "../bundle/programs.ts";

/** How long a program may take to come up and to end, in milliseconds; long, since the machine may be busy. */
const TRIAL_TIMEOUT_MS = 60_000;

/**
 * Runs a program once and ends it in an orderly way. Rejects, with what it said, if it does not come up or ends with an
 * error.
 */
export async function trialRun(
  node: string,
  main: string,
  { args, env, up }: Trial,
  more: Readonly<Record<string, string>>,
): Promise<void> {
  const child = spawn(node, [main, ...args], {
    env: { ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TRIAL_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let said = "";
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
    if (up !== undefined && said.includes(up)) child.kill("SIGTERM");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  const cameUp = up === undefined || said.includes(up);
  if (code !== 0 || !cameUp) throw new Error(`${main} ended with ${code ?? signal} in a trial run:\n${said}`);
}
