// SPDX-License-Identifier: Apache-2.0

import { SdkError } from "./error.ts";

/** Whether the caller of one call went away before its end. The `AbortSignal` is made at first use. */
export class Cancellation {
  #cancelled = false;
  #settled = false;
  #controller: AbortController | undefined;
  #reason: SdkError | undefined;
  readonly #listeners = new Set<() => void>();

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get reason(): SdkError {
    return (this.#reason ??= new SdkError("CANCELLED", "the caller went away"));
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  cancel(): void {
    if (this.#cancelled || this.#settled) return;
    this.#cancelled = true;
    this.#controller?.abort(this.reason);
    for (const listener of this.#listeners) listener();
  }

  /** The call has its end, so it cannot be cancelled any more. */
  settle(): void {
    this.#settled = true;
  }

  /** Calls `listener` once, at the cancellation or now if that was before. Returns a function that removes it. */
  onCancel(listener: () => void): () => void {
    if (this.#cancelled) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the cancellation made code throw this error, so that it is no defect of the code. */
  caused(error: unknown): boolean {
    if (!this.#cancelled) return false;
    if (error === this.#reason) return true;
    return error instanceof Error && (error.name === "AbortError" || error.cause === this.reason);
  }
}
