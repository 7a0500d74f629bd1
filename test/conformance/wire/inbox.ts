// SPDX-License-Identifier: Apache-2.0

/** An event from one side of a call. Nothing arrives after `completed` or `failed`. */
export type Arrival =
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /** The side ended regularly: by a half-close, or with the status OK. */
  | { readonly kind: "completed" }
  /** Another status, or a call that was reset. */
  | { readonly kind: "failed"; readonly code: number; readonly text: string };

/** Arrivals that have not been taken yet, in order. */
export class Inbox {
  readonly #unread: Arrival[] = [];
  #waiting: (() => void) | undefined;

  push(arrival: Arrival): void {
    this.#unread.push(arrival);
    this.#waiting?.();
  }

  /** Takes the next arrival; undefined if none comes within this time. Only one call may wait at a time. */
  async next(withinMs: number): Promise<Arrival | undefined> {
    if (this.#unread.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, withinMs);
      this.#waiting = resolve;
      await promise;
      clearTimeout(timer);
      this.#waiting = undefined;
    }
    return this.#unread.shift();
  }

  /** Messages that have not been taken yet. */
  get unread(): readonly Uint8Array[] {
    return this.#unread.flatMap((arrival) => (arrival.kind === "message" ? [arrival.bytes] : []));
  }
}
