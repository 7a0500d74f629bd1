// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { cluster } from "./command-line.ts";

/**
 * Makes a port of a pod a port of this machine while `use` runs, by `kubectl port-forward`, as people do who want to
 * reach what a pod answers to its own machine only.
 */
export async function throughPortForward<T>(
  pod: string,
  podPort: number,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const line = cluster.commandLine(["kubectl", "port-forward", `pod/${pod}`, `:${podPort}`]);
  const [command = "", ...args] = line.argv;
  const child = spawn(command, args, {
    env: { ...process.env, ...line.env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  try {
    return await use(await portOf(pod, createInterface({ input: child.stdout })));
  } finally {
    child.kill();
    await exited;
  }
}

async function portOf(pod: string, lines: AsyncIterable<string>): Promise<number> {
  for await (const text of lines) {
    const port = /^Forwarding from 127\.0\.0\.1:(\d+) /.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`no port of ${pod} is forwarded`);
}
