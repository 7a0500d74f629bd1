// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";

/**
 * Ends the function if `perdure dev` is killed and so cannot do it itself. A small shell in its own session reads the
 * function's process group from a pipe. The system closes the pipe when this process ends, in whatever way. The shell
 * then ends the group that it read last. This works for any command, without its help.
 */
export interface OrphanGuard {
  /** The process group that must not outlive us; undefined if there is none now. */
  protect(group: number | undefined): void;
  /** Closes the pipe. The guard then does the same as if this process had been killed. */
  release(): void;
}

/** Seconds between asking the group to end and killing it. */
const GRACE_S = 2;

const SCRIPT = `
trap '' HUP INT TERM
while read -r line; do group=$line; done
[ -n "$group" ] || exit 0
kill -s TERM -- "-$group" || exit 0
sleep ${GRACE_S}
kill -s KILL -- "-$group"
`;

export function startOrphanGuard(): OrphanGuard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "perdure-orphan-guard"], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Errors are ignored, because the guard is only a second line of safety: all else works without it.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  return {
    protect: (group) => void guard.stdin.write(`${group ?? ""}\n`),
    release: () => void guard.stdin.end(),
  };
}
