// SPDX-License-Identifier: Apache-2.0

import type { UserFunctionSpec } from "./spec.ts";

/** Called when the served services change; with undefined when no user function is served any more. */
type OnSpec = (spec: UserFunctionSpec | undefined) => void;

/** What a user function serves at this moment, and who is told when that changes. */
export class Served {
  #spec: UserFunctionSpec | undefined;
  #isKept = false;
  /** The user function has ended, and its spec is kept. */
  #isOver = false;
  readonly #listeners: OnSpec[] = [];

  /** Undefined while no user function is served. */
  get spec(): UserFunctionSpec | undefined {
    return this.#spec;
  }

  /** Listeners are called in the order in which they subscribed. The first call is for the next change. */
  subscribe(listener: OnSpec): void {
    this.#listeners.push(listener);
  }

  /** From now on, what was served last stays when the user function ends, because others carry out its commands. */
  keep(): void {
    this.#isKept = true;
  }

  keepNoMore(): void {
    this.#isKept = false;
    if (this.#isOver) this.set(undefined);
  }

  readonly set: OnSpec = (spec) => {
    this.#isOver = spec === undefined;
    if (this.#isOver && this.#isKept) return;
    this.#spec = spec;
    for (const listener of this.#listeners) listener(spec);
  };
}
