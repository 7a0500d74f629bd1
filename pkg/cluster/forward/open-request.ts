// SPDX-License-Identifier: Apache-2.0

import { ExpiryPlace } from "../../base/mod.ts";

import type { Budgeted } from "./budgets.ts";

/** A request that is carried out. */
export class OpenRequest {
  /** The name of the call. */
  readonly call: string;
  readonly budget: Budgeted;
  readonly place = new ExpiryPlace<OpenRequest>(this);
  #isCancelled = false;
  #listeners: (() => void)[] | undefined;

  constructor(call: string, budget: Budgeted) {
    this.call = call;
    this.budget = budget;
  }

  /** Whether the caller went away. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Calls the listener once, when the caller goes away; at once if it has. */
  onCancel(listener: () => void): void {
    if (this.#isCancelled) listener();
    else (this.#listeners ??= []).push(listener);
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    for (const listener of this.#listeners ?? []) listener();
  }
}
