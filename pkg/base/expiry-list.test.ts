// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ExpiryList, ExpiryPlace } from "./expiry-list.ts";
import { ManualClock } from "./test-doubles/mod.ts";

// `expiry-queue.test.ts` shows by a model that members expire in their time.

test("a place that has left the list refers to no other one, so that it keeps nothing in memory (4)", (t) => {
  const clock = new ManualClock();
  const expired: string[] = [];
  const list = new ExpiryList<string>(clock, 10, (member) => expired.push(member));
  const places = ["a", "b", "c", "d", "e"].map((member) => new ExpiryPlace(member));
  const [a, b, c, d, e] = places as [ExpiryPlace<string>, ...ExpiryPlace<string>[]];
  for (const place of places) list.touch(place);
  t.is(list.oldest, "a");

  list.forget(c as ExpiryPlace<string>);
  list.forget(c as ExpiryPlace<string>);
  list.forget(a);
  clock.advance(5);
  list.touch(b as ExpiryPlace<string>);
  clock.advance(5);
  t.deepEqual(expired, ["d", "e"]);
  t.is(list.oldest, "b");
  const alone = { touchedMs: undefined, before: undefined, after: undefined };
  for (const place of [a, c, d, e]) t.like(place, alone);

  list.touch(a);
  list.clear();
  for (const place of places) t.like(place, alone);
  t.is(clock.pending, 0);
});
