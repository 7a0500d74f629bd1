// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";

/** Kills a process of another program if we end, however that happens, before `release`. */
export interface Guard {
  release(): void;
}

/** The system closes the pipe with us; a line that comes before says that there is nothing left to kill. */
const SCRIPT = `
trap '' HUP INT TERM
read -r line && exit 0
kill -s KILL "$1"
`;

/** A small shell of a session of its own: a signal that a terminal sends us does not end it. */
export function guardProcess(pid: number): Guard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "perdure-nats-guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Only a second safety line: without a shell, or when somebody ends it, all else works.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  return { release: () => void guard.stdin.end("released\n") };
}
