// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { getOrMake } from "./get-or-make.ts";

test("a value is made once for each key, also one that counts as false", (t) => {
  const made: string[] = [];
  const lengths = new Map<string, number>();
  const lengthOf = (text: string): number => made.push(text) && text.length;
  t.deepEqual(
    ["ab", "", "ab", ""].map((text) => getOrMake(lengths, text, lengthOf)),
    [2, 0, 2, 0],
  );
  t.deepEqual(made, ["ab", ""]);
});
