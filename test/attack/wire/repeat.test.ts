// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { onAbort } from "./on-abort.ts";
import { again, pause, shareOf, sideBySide } from "./repeat.ts";

test("shares are together the whole, and nearly equal", (t) => {
  const shares = [0, 1, 2].map((index) => shareOf(10_000, { share: { index, of: 3 } }));
  t.deepEqual(shares, [3_333, 3_333, 3_334]);
});

test("work is done again until the bound, or until the attack is over", async (t) => {
  const end = new AbortController();
  let done = 0;
  await again(5, { signal: end.signal }, async () => void done++, 0);
  t.is(done, 5);
  await again(5, { signal: end.signal }, async () => {
    done++;
    end.abort();
  });
  t.is(done, 6);
});

test("a pause ends with the attack, however many there are", async (t) => {
  const end = new AbortController();
  const pauses = sideBySide(20_000, () => pause(60_000, end.signal));
  end.abort();
  await pauses;
  t.pass();
});

test("what no longer waits for the end is not called", (t) => {
  const end = new AbortController();
  const called: number[] = [];
  const forget = onAbort(end.signal, () => called.push(1));
  onAbort(end.signal, () => called.push(2));
  forget();
  end.abort();
  onAbort(end.signal, () => called.push(3));
  t.deepEqual(called, [2, 3]);
});
