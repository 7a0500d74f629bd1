// SPDX-License-Identifier: Apache-2.0

/** What one side of a call has sent. After an end nothing comes. */
export type Arrival =
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /** The side is done, as it should be: half-closed, or with the status OK. */
  | { readonly kind: "completed" }
  /** Another status, or a call that was reset. */
  | { readonly kind: "failed"; readonly code: number; readonly text: string };

/** What has come and was not looked at yet, in order. */
export class Inbox {
  readonly #unread: Arrival[] = [];
  #waiting: (() => void) | undefined;

  push(arrival: Arrival): void {
    this.#unread.push(arrival);
    this.#waiting?.();
  }

  /** Takes the next one; undefined if there is none for so long. One caller at a time. */
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

  /** Messages that nobody has looked at. */
  get unread(): readonly Uint8Array[] {
    return this.#unread.flatMap((arrival) => (arrival.kind === "message" ? [arrival.bytes] : []));
  }
}
