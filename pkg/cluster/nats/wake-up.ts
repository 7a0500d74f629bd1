// SPDX-License-Identifier: Apache-2.0

/** A promise that everybody who waits shares. It never rejects, and each wait gets the next call. */
export class WakeUp {
  #wait: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next call. */
  get next(): Promise<void> {
    this.#wait ??= Promise.withResolvers<void>();
    return this.#wait.promise;
  }

  call(): void {
    const wait = this.#wait;
    this.#wait = undefined;
    wait?.resolve();
  }
}
