// SPDX-License-Identifier: Apache-2.0

/**
 * Ends the process if it is told to stop before the program listens for that. It is imported first, because all other
 * code takes a while to load, and the first process of a container loses signals that it does not listen for: a pod
 * that is deleted as it begins would stay until Kubernetes kills it, minutes later.
 */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Nothing has begun, so nothing has to be ended. */
function end(): void {
  process.exit(0);
}

for (const signal of SIGNALS) process.on(signal, end);

/** To be called when the program listens itself. */
export function leaveEndToProgram(): void {
  for (const signal of SIGNALS) process.off(signal, end);
}
