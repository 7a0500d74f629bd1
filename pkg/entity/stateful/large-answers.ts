// SPDX-License-Identifier: Apache-2.0

import type { EntityMethod } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";

/** If there is no memory for an answer larger than this, in bytes, the user function is not asked for it. */
const LARGE_ANSWER_BYTES = 65_536;

/** How large the last answer to each method of an entity was, where it was large. */
export class LargeAnswers {
  /** Most entities have none. */
  #bytes: Map<EntityMethod, number> | undefined;

  /** Whether the caller has memory for an answer as large as the last one, if that was large. */
  hasRoom({ method, call }: EntityCommand): boolean {
    const expected = this.#bytes?.get(method) ?? 0;
    return expected === 0 || expected <= call.bytes.available;
  }

  note(method: EntityMethod, bytes: number): void {
    if (bytes > LARGE_ANSWER_BYTES) (this.#bytes ??= new Map()).set(method, bytes);
    else this.#bytes?.delete(method);
  }
}
