// SPDX-License-Identifier: Apache-2.0

import { until } from "../../../lib/until.ts";
import { cluster, kubectl } from "./command-line.ts";

const FOLLOW_TIMEOUT_MS = 120_000;

/** The log of a container so far. Each line begins with the time at which the container runtime received it. */
export async function podLog(pod: string, container: string): Promise<string> {
  return read(pod, container);
}

/** The whole log of a container, until it ends. */
export async function podLogToItsEnd(pod: string, container: string): Promise<string> {
  return read(pod, container, "--follow");
}

async function read(pod: string, container: string, ...flags: readonly string[]): Promise<string> {
  await untilStarted(pod, container);
  const command = ["kubectl", "logs", pod, "-c", container, "--timestamps", ...flags];
  return (await cluster.run(command, { timeoutMs: FOLLOW_TIMEOUT_MS })).stdout;
}

/**
 * Waits until the kubelet knows that a container runs, or ran. A container may have answered before, because the
 * kubelet looks once a second only; until then it refuses to show the log.
 */
async function untilStarted(pod: string, container: string): Promise<void> {
  const state = `jsonpath={.status.containerStatuses[?(@.name=="${container}")].state}`;
  await until(`container ${container} of ${pod} has started`, async () => {
    const found = await kubectl("get", "pod", pod, "-o", state);
    return found !== "" && !found.includes('"waiting"');
  });
}

/** The time of the first line that contains `text`, in milliseconds since 1970. */
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
