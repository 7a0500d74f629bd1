// SPDX-License-Identifier: Apache-2.0

import type { TestScope } from "./processes.ts";

/**
 * A replacement for AVA's test context, for a program that is not a test. Disposal runs the clean-ups, the last one
 * first.
 */
export class Scope implements TestScope, AsyncDisposable {
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  teardown(cleanup: () => void | Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Runs all clean-ups. Rejects with the first error, if there was any. */
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
