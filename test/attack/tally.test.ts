// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { sumCounts, Tally } from "./tally.ts";

test("what several processes did is summed up by name", (t) => {
  const tally = new Tally();
  tally.add("bytes", 10);
  tally.add("bytes", 5);
  tally.add("connections");
  t.deepEqual(sumCounts([tally.counts(), { connections: 2, requests: 1 }]), {
    bytes: 15,
    connections: 3,
    requests: 1,
  });
});
