// SPDX-License-Identifier: Apache-2.0

import { inspect } from "node:util";

/** A broken promise of our own code. Operating faults are errors with codes, never this. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/**
 * States what must hold if our own code is right. On in production: wrong state is worse than no state.
 *
 * @throws AssertionFailure if it does not hold.
 */
export function assert(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new AssertionFailure(`must hold: ${claim}`);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${inspect(value)}`);
}
