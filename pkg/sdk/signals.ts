// SPDX-License-Identifier: Apache-2.0

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** All servers of this process: it may exit only when each of them is closed. */
const open = new Set<() => Promise<void>>();

/**
 * Closes on SIGTERM and SIGINT, then exits with code 0. A second signal ends the process at once, as it does
 * without a handler. Returns a function that undoes it.
 */
export function closeOnSignal(close: () => Promise<void>): () => void {
  if (open.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  open.add(close);
  return () => {
    if (open.delete(close) && open.size === 0) stopListening();
  };
}

function onSignal(): void {
  stopListening();
  const closing = Array.from(open, (close) => close());
  open.clear();
  void Promise.allSettled(closing).then(() => process.exit(0));
}

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
}
