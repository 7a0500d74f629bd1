// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { ExpiryQueue } from "./expiry-queue.ts";
import { ManualClock } from "./test-doubles/mod.ts";

type Operation =
  | { readonly kind: "touch"; readonly member: number }
  | { readonly kind: "forget"; readonly member: number }
  | { readonly kind: "advance"; readonly byMs: number }
  | { readonly kind: "clear" };

const member = fc.nat(5);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("touch" as const), member }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("advance" as const), byMs: fc.nat(15) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forget" as const), member }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
);
const TIMEOUT_MS = 20;

test("each member expires once, its time after it was last touched, on one timer (1, 2, 3)", (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const clock = new ManualClock();
        const expired: string[] = [];
        const expected: string[] = [];
        const queue = new ExpiryQueue<number>(clock, TIMEOUT_MS, (each) => {
          expired.push(`${each}@${clock.monotonicMs()}`);
        });
        // The model: when each member is due, in the order of touching.
        const due = new Map<number, number>();
        for (const each of operations) {
          if (each.kind === "touch") {
            queue.touch(each.member);
            due.delete(each.member);
            due.set(each.member, clock.monotonicMs() + TIMEOUT_MS);
          } else if (each.kind === "forget") {
            queue.forget(each.member);
            due.delete(each.member);
          } else if (each.kind === "clear") {
            queue.clear();
            due.clear();
          } else {
            clock.advance(each.byMs);
            for (const [who, dueMs] of due) {
              if (dueMs > clock.monotonicMs()) break;
              expected.push(`${who}@${dueMs}`);
              due.delete(who);
            }
          }
          assert.deepEqual(expired, expected);
          assert.equal(queue.size, due.size);
          assert.equal(queue.oldest, due.keys().next().value);
          assert.ok(clock.pending <= 1);
        }
      }),
    ),
  );
});

test("a member that is touched as it expires starts anew, and those behind it are not late", (t) => {
  const clock = new ManualClock();
  const expired: string[] = [];
  const queue = new ExpiryQueue<string>(clock, TIMEOUT_MS, (each) => {
    expired.push(`${each}@${clock.monotonicMs()}`);
    if (expired.length === 1) queue.touch(each);
  });
  queue.touch("a");
  clock.advance(5);
  queue.touch("b");
  clock.advance(100);
  t.deepEqual(expired, ["a@20", "b@25", "a@40"]);
  t.is(clock.pending, 0);
});

test("clearing while a member expires leaves one timer for who comes after", (t) => {
  const clock = new ManualClock();
  const expired: string[] = [];
  const queue = new ExpiryQueue<string>(clock, TIMEOUT_MS, (each) => {
    expired.push(each);
    if (each !== "a") return;
    queue.clear();
    queue.touch("c");
  });
  queue.touch("a");
  queue.touch("b");
  clock.advance(TIMEOUT_MS);
  t.deepEqual(expired, ["a"]);
  t.is(clock.pending, 1);
  clock.advance(TIMEOUT_MS);
  t.deepEqual(expired, ["a", "c"]);
});

test("an owner that throws does not stop the others from expiring", (t) => {
  const clock = new ManualClock();
  const expired: string[] = [];
  const queue = new ExpiryQueue<string>(clock, TIMEOUT_MS, (each) => {
    expired.push(each);
    if (each === "a") throw new Error("owner");
  });
  queue.touch("a");
  queue.touch("b");
  t.throws(() => clock.advance(TIMEOUT_MS), { message: "owner" });
  clock.advance(0);
  t.deepEqual(expired, ["a", "b"]);
});
