// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

const TIMEOUT_MS = 10_000;

/**
 * Opens a server on a port that another server of this process has just closed, or that was found free a moment ago.
 * AVA runs test files as threads of one process; a process that one of them starts has copies of all sockets until it
 * runs its own program. So the port may still be in use for some milliseconds after the close, and more on a busy
 * machine.
 */
export async function onSamePort<T>(open: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!isInUse(error) || performance.now() > endMs) throw error;
      await delay(5);
    }
  }
}

function isInUse(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.includes("EADDRINUSE") || ("code" in error && error.code === "PORT_IN_USE");
}
