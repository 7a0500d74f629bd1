// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { circlesOf } from "./circles.ts";

const CASES: readonly (readonly [
  what: string,
  imports: Readonly<Record<string, readonly string[]>>,
  circles: readonly (readonly string[])[],
])[] = [
  ["no circle where one file is imported twice", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, []],
  ["no circle in files that are not checked", { a: ["b", "unchecked"], b: ["unchecked"] }, []],
  ["a file that imports itself", { a: ["a"] }, [["a"]]],
  ["two files that import each other", { a: ["b"], b: ["a"] }, [["a", "b"]]],
  [
    "a circle apart from what leads to it and away from it",
    { a: ["c"], b: ["d", "e"], c: ["b"], d: ["c"], e: [] },
    [["b", "d", "c"]],
  ],
  [
    "two circles through one file",
    { a: ["b", "c"], b: ["a"], c: ["a"] },
    [
      ["a", "b"],
      ["a", "c"],
    ],
  ],
  [
    "a circle within a circle",
    { a: ["b"], b: ["c"], c: ["b", "a"] },
    [
      ["b", "c"],
      ["a", "b", "c"],
    ],
  ],
];

for (const [what, imports, circles] of CASES) {
  test(`finds ${what}`, (t) => t.deepEqual(circlesOf(new Map(Object.entries(imports))), circles));
}
