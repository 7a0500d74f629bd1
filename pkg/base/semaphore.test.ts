// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { Semaphore } from "./semaphore.ts";

test("no more than the permitted work at once, and those that wait go in order", async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 20 }),
        async (permits, count) => {
          const semaphore = new Semaphore(permits);
          const begun: number[] = [];
          let working = 0;
          let most = 0;
          const work = async (index: number): Promise<void> => {
            await semaphore.acquire();
            begun.push(index);
            most = Math.max(most, ++working);
            for (let turns = index % 3; turns >= 0; turns--) await Promise.resolve();
            working--;
            semaphore.release();
          };
          await Promise.all(Array.from({ length: count }, (_, index) => work(index)));
          assert.deepEqual(begun, [...begun.keys()]);
          assert.equal(begun.length, count);
          assert.equal(most, Math.min(permits, count));
        },
      ),
      { numRuns: 30 },
    ),
  );
});
