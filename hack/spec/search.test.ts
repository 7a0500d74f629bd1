// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { readSearch } from "./search.ts";

const WHOLE = `
State-vector 124 byte, depth reached 445, errors: 0
  6546623 states, stored
pan: elapsed time 80.5 seconds
`;

const RED = `
pan:1: assertion violated (evictions>0) (at depth 21)
State-vector 124 byte, depth reached 21, errors: 1
   169750 states, stored
pan: elapsed time 0.51 seconds
`;

test("a search that visited all states found nothing", (t) => {
  t.deepEqual(readSearch(WHOLE), { violation: undefined, states: 6_546_623, seconds: 80.5 });
});

test("a violation is named", (t) => {
  t.deepEqual(readSearch(RED), { violation: "(evictions>0)", states: 169_750, seconds: 0.51 });
});

test("a search that ended early proves nothing", (t) => {
  t.throws(() => readSearch(`error: max search depth too small\n${WHOLE}`), { message: /did not end/ });
  const noRoom = "pan: reached -DMEMLIM bound\nWarning: Search not completed\n";
  t.throws(() => readSearch(`${noRoom}${WHOLE}`), { message: /did not end/ });
  t.throws(() => readSearch("pan: out of memory\n"), { message: /did not end/ });
  t.throws(() => readSearch(WHOLE.replace("errors: 0", "errors: 1")), { message: /did not end/ });
});
