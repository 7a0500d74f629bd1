// SPDX-License-Identifier: Apache-2.0

import type { EntityMethod } from "../../userfunction/mod.ts";

/** If there is no memory for an answer larger than this, in bytes, the user function is not asked for it. */
const LARGE_ANSWER_BYTES = 65_536;

/** How large the last answer to each method of an entity was, where it was large. */
export class LargeAnswers {
  /** Most entities have none. */
  #bytes: Map<EntityMethod, number> | undefined;

  /** What the next answer is expected to take, in bytes: 0 if the last one was small, or there was none. */
  expected(method: EntityMethod): number {
    return this.#bytes?.get(method) ?? 0;
  }

  note(method: EntityMethod, bytes: number): void {
    if (bytes > LARGE_ANSWER_BYTES) (this.#bytes ??= new Map()).set(method, bytes);
    else this.#bytes?.delete(method);
  }
}
