// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { BoundedQueue } from "./bounded-queue.ts";

type Operation = { readonly kind: "push"; readonly item: number } | { readonly kind: "shift" | "drain" };

const push = fc.record({ kind: fc.constant("push" as const), item: fc.nat(9) });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  // Often enough pushed that the ring grows, wraps round and fills up.
  { weight: 6, arbitrary: push },
  { weight: 4, arbitrary: fc.constant({ kind: "shift" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "drain" as const }) },
);

test("behaves like an array with a bound, whatever is done to it (I11)", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.nat(12), fc.array(operation, { maxLength: 80 }), (capacity, operations) => {
        const queue = new BoundedQueue<number>(capacity);
        let model: number[] = [];
        for (const each of operations) {
          if (each.kind === "push") {
            const room = model.length < capacity;
            if (room) model.push(each.item);
            assert.equal(queue.push(each.item), room);
          } else if (each.kind === "shift") assert.equal(queue.shift(), model.shift());
          else {
            assert.deepEqual(queue.drain(), model);
            model = [];
          }
          assert.equal(queue.size, model.length);
        }
        assert.deepEqual(queue.drain(), model);
      }),
    ),
  );
});

test("an item may be undefined", (t) => {
  const queue = new BoundedQueue<undefined>(2);
  t.true(queue.push(undefined));
  t.is(queue.size, 1);
  t.is(queue.shift(), undefined);
  t.is(queue.size, 0);
});
