// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";

/** Kills a process if our own process ends before `release`, for whatever reason. */
export interface Guard {
  release(): void;
}

/**
 * When our process ends, the system closes the pipe, and the script kills the process. A line that comes before means
 * that there is nothing left to kill.
 */
const SCRIPT = `
trap '' HUP INT TERM
read -r line && exit 0
kill -s KILL "$1"
`;

/** Starts a small shell in its own session, so that a signal from our terminal does not end it. */
export function guardProcess(pid: number): Guard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "perdure-nats-guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Errors are ignored, because the guard is only a second safety net. Everything else works without it.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  return { release: () => void guard.stdin.end("released\n") };
}
