// SPDX-License-Identifier: Apache-2.0

const waiting = new WeakMap<Promise<void>, Set<() => void>>();

/**
 * Calls the listener when the promise, which never rejects, resolves; not after the function that this gives is called.
 *
 * Many commands wait for one promise, such as the next change of who owns what, and most of them not until it resolves.
 * What is attached to a promise by `then` stays there until then. So here one reaction serves all who wait, and nothing
 * is left of those who have stopped waiting (I11).
 */
export function onceResolved(promise: Promise<void>, listener: () => void): () => void {
  const listeners = waiting.get(promise) ?? listenTo(promise);
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function listenTo(promise: Promise<void>): Set<() => void> {
  const listeners = new Set<() => void>();
  waiting.set(promise, listeners);
  void promise.then(() => {
    // Who comes later needs a reaction of its own.
    waiting.delete(promise);
    for (const tell of listeners) tell();
  });
  return listeners;
}
