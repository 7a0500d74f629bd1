// SPDX-License-Identifier: Apache-2.0

import type { UserFunctionSpec } from "./spec.ts";

/** Called when the served services change; with undefined when no user function is served any more. */
type OnSpec = (spec: UserFunctionSpec | undefined) => void;

/** What a user function serves at this moment, and who is told when that changes. */
export class Served {
  #spec: UserFunctionSpec | undefined;
  readonly #listeners: OnSpec[] = [];

  /** Undefined while no user function is served. */
  get spec(): UserFunctionSpec | undefined {
    return this.#spec;
  }

  /** Listeners are called in the order in which they subscribed. The first call is for the next change. */
  subscribe(listener: OnSpec): void {
    this.#listeners.push(listener);
  }

  readonly set: OnSpec = (spec) => {
    this.#spec = spec;
    for (const listener of this.#listeners) listener(spec);
  };
}
