// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { reportText } from "./report.ts";

test("values and groups of them stand beside their names, and rows make tables", (t) => {
  const text = reportText({
    log: { address: "memory:", partitions: 1 },
    entities: {
      inMemory: 3,
      packs: { waiting: 0, working: 1 },
      types: [
        { type: "cart", idle: 2, waiting: 0 },
        { type: "shopping-list", waiting: 12, open: 1 },
      ],
      busiest: [],
    },
  });
  t.deepEqual(text.split("\n"), [
    "log",
    "  address     memory:",
    "  partitions  1",
    "",
    "entities",
    "  inMemory  3",
    "  packs     waiting 0, working 1",
    "  types",
    "    type           idle  waiting  open",
    "    cart           2     0        -",
    "    shopping-list  -     12       1",
    "  busiest  none",
  ]);
});

test("what callers have chosen cannot change what a terminal shows", (t) => {
  const entity = "cart/\u001b[2J\u202ean\u0085n\u2028\nlog é 🛒";
  const text = reportText({ entities: { busiest: [{ entity }] } });
  t.is(text.split("\n").at(-1), String.raw`    cart/\u{1b}[2J\u{202e}an\u{85}n\u{2028}\u{a}log é 🛒`);
});
