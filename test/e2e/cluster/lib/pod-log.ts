// SPDX-License-Identifier: Apache-2.0

import { cluster } from "./command-line.ts";

const FOLLOW_TIMEOUT_MS = 120_000;

/** What a container of a pod has said so far; each line begins with the time when the container runtime got it. */
export async function podLog(pod: string, container: string): Promise<string> {
  return read(pod, container);
}

/** All that a container says until it ends. */
export async function podLogToItsEnd(pod: string, container: string): Promise<string> {
  return read(pod, container, "--follow");
}

async function read(pod: string, container: string, ...flags: readonly string[]): Promise<string> {
  const command = ["kubectl", "logs", pod, "-c", container, "--timestamps", ...flags];
  return (await cluster.run(command, { timeoutMs: FOLLOW_TIMEOUT_MS })).stdout;
}

/** When the first line with `text` in it was said, in milliseconds since 1970. */
export function timeOf(log: string, text: string): number {
  return Date.parse(lineOf(log, text).split(" ", 1)[0] ?? "");
}

/** The first line with `text` in it, without its time. */
export function textOf(log: string, text: string): string {
  const line = lineOf(log, text);
  return line.slice(line.indexOf(" ") + 1);
}

function lineOf(log: string, text: string): string {
  const line = log.split("\n").find((each) => each.includes(text));
  if (line === undefined) throw new Error(`it was never said that ${text}:\n${log}`);
  return line;
}
