// SPDX-License-Identifier: Apache-2.0

import type { TestScope } from "./processes.ts";

/** What a test has of AVA, for a program that is no test: the clean-ups run when it is disposed of, the last one first. */
export class Scope implements TestScope, AsyncDisposable {
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  teardown(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Runs all of them, and rejects with the first error if there was any. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let cleanup = this.#cleanups.pop(); cleanup !== undefined; cleanup = this.#cleanups.pop()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0] as Error;
  }
}
