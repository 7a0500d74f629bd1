// SPDX-License-Identifier: Apache-2.0

/**
 * In which order several functions are restarted after a change, as a pure function: one after the other, so that all
 * the others answer meanwhile.
 *
 *     still ──changed──▶ rolling ──back, of the last──▶ still
 *                          └──failed──▶ still, with those that are left as they were
 *
 * 1. The next function is restarted only when the one before serves again.
 * 2. A function that does not serve the new code ends the roll. The others keep the code that works, and the next
 *    change begins with the one that failed.
 * 3. A change during a roll begins it anew, with the function that is down already. So no second one is down.
 */

export type Roll =
  /** `at`: where the next roll begins. */
  | { readonly kind: "still"; readonly at: number }
  /** `at` is being restarted, and is the first of `left` that need it. */
  | {
      readonly kind: "rolling";
      readonly at: number;
      readonly left: number;
      readonly files: readonly string[];
    };

export type RollEvent =
  | { readonly kind: "changed"; readonly files: readonly string[] }
  /** A function serves after a restart. */
  | { readonly kind: "back"; readonly at: number }
  /** A function has ended, or is refused. */
  | { readonly kind: "failed"; readonly at: number };

export interface RollStep {
  readonly state: Roll;
  /** The function to restart now, and the files that it is told of. */
  readonly restart?: { readonly at: number; readonly files: readonly string[] };
}

export const FIRST_ROLL: Roll = { kind: "still", at: 0 };

/** @param count of functions */
export function roll(state: Roll, event: RollEvent, count: number): RollStep {
  switch (event.kind) {
    case "changed": {
      const { at } = state;
      const { files } = event;
      const all = state.kind === "rolling" ? [...new Set([...state.files, ...files])] : files;
      return { state: { kind: "rolling", at, left: count, files: all }, restart: { at, files } };
    }
    case "back":
      return state.kind === "rolling" && state.at === event.at ? afterOne(state, count) : { state };
    case "failed":
      return state.kind === "rolling" && state.at === event.at
        ? { state: { kind: "still", at: state.at } }
        : { state };
  }
}

function afterOne({ at, left, files }: Extract<Roll, { kind: "rolling" }>, count: number): RollStep {
  if (left === 1) return { state: FIRST_ROLL };
  const next = (at + 1) % count;
  return { state: { kind: "rolling", at: next, left: left - 1, files }, restart: { at: next, files } };
}
