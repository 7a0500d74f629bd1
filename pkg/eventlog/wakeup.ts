// SPDX-License-Identifier: Apache-2.0

/** Callers look for news and `wait` in the same turn of the event loop, so that they miss none between the two. */
export class Wakeup {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next news of the topic, at `notifyAll`, or when the signal aborts. Never rejects. */
  wait(topic: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const waiters = this.#waiting.get(topic) ?? new Set();
      this.#waiting.set(topic, waiters);
      const wake = () => {
        waiters.delete(wake);
        if (waiters.size === 0 && this.#waiting.get(topic) === waiters) this.#waiting.delete(topic);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      waiters.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  notify(topic: string): void {
    if (this.#waiting.size === 0) return;
    for (const wake of this.#waiting.get(topic) ?? []) wake();
  }

  notifyAll(): void {
    for (const topic of this.#waiting.keys()) this.notify(topic);
  }
}
