// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { canConnect, freePort, systemRandom } from "../../pkg/base/mod.ts";

import type { Trial } from "../bundle/programs.ts";

/** How long a program may take to come up and to end, in milliseconds; long, since the machine may be busy. */
const TRIAL_TIMEOUT_MS = 60_000;

/** Time between two attempts to connect to the program's port, in milliseconds. */
const LOOK_MS = 25;

const HOST = "127.0.0.1";

/** How a program ended: by itself with code 0, or by SIGTERM because it does not handle this signal. */
export type TrialEnd = "orderly" | "by signal";

/**
 * Runs a program once and ends it. Rejects with the program's output if it does not come up or ends with an error.
 * Only a user function may end by the signal.
 */
export async function trialRun(
  node: string,
  main: string,
  trial: Trial,
  more: Readonly<Record<string, string>>,
): Promise<TrialEnd> {
  const port = trial.kind === "listens" ? await freePort(HOST, systemRandom) : 0;
  const child = spawn(node, [main, ...(trial.kind === "ends" ? trial.args : [])], {
    env: { ...(trial.kind === "says" && trial.env), ...(port > 0 && { HOST, PORT: String(port) }), ...more },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TRIAL_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let said = "";
  let cameUp = trial.kind === "ends";
  const isUp = (): void => {
    cameUp = true;
    child.kill("SIGTERM");
  };
  const hear = (chunk: Buffer): void => {
    said += chunk.toString();
    if (trial.kind === "says" && said.includes(trial.text)) isUp();
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const closed = once(child, "close") as Promise<[code: number | null, signal: string | null]>;
  if (trial.kind === "listens" && (await listens(port, closed))) isUp();
  const [code, signal] = await closed;
  if (cameUp && code === 0) return "orderly";
  if (cameUp && trial.kind === "listens" && signal === "SIGTERM") return "by signal";
  const way = code === null ? `was ended by ${signal}` : `ended with ${code}`;
  const before = cameUp ? "" : trial.kind === "listens" ? " before it listened on PORT" : " before it was up";
  throw new Error(`${main} ${way}${before} in a trial run:\n${said}`);
}

/** Resolves with true when the port accepts a connection, or with false if the program ends before. */
async function listens(port: number, closed: Promise<unknown>): Promise<boolean> {
  const ended = closed.then(() => "ended" as const);
  for (;;) {
    if (await canConnect(HOST, port)) return true;
    if ((await Promise.race([ended, delay(LOOK_MS)])) === "ended") return false;
  }
}
