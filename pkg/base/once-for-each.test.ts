// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { onceForEach } from "./once-for-each.ts";

test("the function is called once for each object, also where it gives undefined", (t) => {
  const asked: object[] = [];
  const firstOf = onceForEach((list: readonly number[]) => {
    asked.push(list);
    return list[0];
  });
  const [one, none, same] = [[1], [], [1]];
  t.deepEqual([one, none, same, one, none, same].map(firstOf), [1, undefined, 1, 1, undefined, 1]);
  t.deepEqual(asked, [one, none, same]);
});
