// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { Turns } from "./turns.ts";

test("who has sent one is served after one piece of who has sent a hundred, and all are served", async (t) => {
  const turns = new Turns();
  const done: string[] = [];
  const work = async (who: string): Promise<void> => {
    await turns.take(who);
    done.push(who);
  };
  const many = Array.from({ length: 100 }, () => work("many"));
  const one = work("one");
  const two = [work("two"), work("two")];
  await Promise.all([...many, one, ...two]);
  t.deepEqual(done.slice(0, 6), ["many", "one", "two", "many", "two", "many"]);
  t.is(done.length, 103);
  await work("later");
  t.is(done.at(-1), "later");
});

test("one piece is done in a turn of the event loop", async (t) => {
  const turns = new Turns();
  let done = 0;
  for (let count = 0; count < 5; count++) void turns.take("one").then(() => (done += 1));
  for (let turn = 0; turn < 10; turn++) {
    const before = done;
    await new Promise((resolve) => void setImmediate(resolve));
    t.true(done - before <= 1);
  }
  t.is(done, 5);
});
