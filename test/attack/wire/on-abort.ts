// SPDX-License-Identifier: Apache-2.0

const actionsOf = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `action` when the signal aborts, or at once if it has aborted. Returns a function that cancels this.
 * Thousands of actions may wait for one signal, because each takes a place in a set. `addEventListener` would be too
 * slow: it looks through all listeners each time.
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  if (signal.aborted) {
    action();
    return () => undefined;
  }
  const actions = actionsOf.get(signal) ?? listen(signal);
  // Another function each time, so that the same action may wait twice.
  const own = (): void => action();
  actions.add(own);
  return () => void actions.delete(own);
}

function listen(signal: AbortSignal): Set<() => void> {
  const actions = new Set<() => void>();
  actionsOf.set(signal, actions);
  signal.addEventListener("abort", () => actions.forEach((action) => action()), { once: true });
  return actions;
}
