// SPDX-License-Identifier: Apache-2.0

import type { Action, Outputs } from "../history.ts";

/** An operation, of anybody. Without a return time its outcome is unknown. */
export type Row = readonly [
  callUs: number,
  returnUs: number | undefined,
  action: Action,
  output?: Outputs[Action["kind"]],
];

export const append = (input: string): Action => ({ kind: "append", input });
export const write = (input: string | null): Action => ({ kind: "write", input });
export const LIST: Action = { kind: "list" };
const COUNT: Action = { kind: "count" };
export const READ: Action = { kind: "read" };

/** Histories by what is right or wrong about them. */
export const RIGHT: Readonly<Record<string, readonly Row[]>> = {
  "one after the other": [
    [1, 2, append("a"), { total: 1 }],
    [3, 4, append("b"), { total: 2 }],
    [5, 6, LIST, ["a", "b"]],
    [7, 8, COUNT, 2],
  ],
  "a read beside a write may see it or not": [
    [1, 9, append("a"), {}],
    [2, 3, LIST, []],
    [4, 5, LIST, ["a"]],
  ],
  "writes side by side in any order": [
    [1, 9, append("a"), { total: 2 }],
    [1, 9, append("b"), { total: 1 }],
    [10, 11, LIST, ["b", "a"]],
  ],
  "an unknown outcome takes effect late": [
    [1, undefined, append("a")],
    [2, 3, LIST, []],
    [4, 5, append("b"), { total: 1 }],
    [6, 7, LIST, ["b", "a"]],
  ],
  "an unknown outcome never takes effect": [
    [1, undefined, append("a")],
    [2, 3, append("b"), { total: 1 }],
    [4, 5, LIST, ["b"]],
  ],
  "a register is replaced and deleted": [
    [1, 2, READ, null],
    [3, 4, write("a"), {}],
    [5, 6, READ, "a"],
    [7, undefined, write(null)],
    [8, 9, READ, "a"],
    [10, 11, READ, null],
  ],
};

interface WrongHistory {
  readonly rows: readonly Row[];
  /** The counterexample, but for its first line and the times. */
  readonly shown: readonly string[];
}

export const WRONG: Readonly<Record<string, WrongHistory>> = {
  "a stale read": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, LIST, ["a"]],
      [7, 8, LIST, ["a", "b"]],
    ],
    shown: ["append b → done", "list → [] of its 1 values"],
  },
  "a stale count": {
    rows: [
      [1, 2, append("a"), { total: 1 }],
      [3, 4, append("b"), { total: 2 }],
      [5, 6, COUNT, 1],
    ],
    shown: ["append b → done, total 2", "count → 1"],
  },
  "a lost acknowledged write": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, append("c"), {}],
      [7, 8, LIST, ["a", "c"]],
    ],
    shown: ["append b → done", "list → [] of its 2 values"],
  },
  "a doubled write": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, append("b"), {}],
      [5, 6, LIST, ["a", "b", "a"]],
    ],
    shown: ["append a → done", "list → [a, a] of its 3 values"],
  },
  "one total for two writes": {
    rows: [
      [1, 9, append("a"), { total: 1 }],
      [1, 9, append("b"), { total: 2 }],
      [1, 9, append("c"), { total: 2 }],
    ],
    shown: ["append b → done, total 2", "append c → done, total 2"],
  },
  "a read that goes backwards": {
    rows: [
      [1, undefined, append("a")],
      [2, 3, LIST, ["a"]],
      [4, 5, LIST, []],
    ],
    shown: ["append a → no answer", "list → [a]", "list → []"],
  },
  "an answer from another order": {
    rows: [
      [1, 9, append("a"), {}],
      [1, 9, append("b"), {}],
      [2, 5, LIST, ["a", "b"]],
      [3, 6, LIST, ["b"]],
    ],
    shown: ["append a → done", "append b → done", "list → [a, b]", "list → [b]"],
  },
  "a value that nobody wrote": {
    rows: [
      [1, 2, append("a"), {}],
      [3, 4, LIST, ["a", "x"]],
    ],
    shown: ["list → [x] of its 2 values"],
  },
  "a register that has lost a write": {
    rows: [
      [1, 2, write("a"), {}],
      [3, 4, write("b"), {}],
      [5, 6, READ, "a"],
    ],
    shown: ["write a → done", "write b → done", "read → a"],
  },
  "a register that goes back": {
    rows: [
      [1, 9, write("a"), {}],
      [1, 9, write("b"), {}],
      [2, 3, READ, "a"],
      [4, 5, READ, "b"],
      [6, 7, READ, "a"],
    ],
    shown: ["write a → done", "write b → done", "read → a", "read → b", "read → a"],
  },
};
