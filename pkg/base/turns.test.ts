// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { Turns } from "./turns.ts";

test("who has sent one is served after one piece of who has sent a hundred, and all are served", async (t) => {
  const turns = new Turns<string>(1);
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
  const turns = new Turns<string>(1);
  let done = 0;
  for (let count = 0; count < 5; count++) void turns.take("one").then(() => (done += 1));
  for (let turn = 0; turn < 10; turn++) {
    const before = done;
    await new Promise((resolve) => void setImmediate(resolve));
    t.true(done - before <= 1);
  }
  t.is(done, 5);
});

test("as many pieces as fit into a turn are done at once, and the others in the next turns", async (t) => {
  const turns = new Turns<string>(3);
  const done: number[] = [];
  for (let piece = 0; piece < 8; piece++) {
    if (turns.begin()) done.push(piece);
    else turns.wait("one", () => done.push(piece) > 0);
  }
  t.deepEqual(done, [0, 1, 2]);
  await new Promise((resolve) => void setImmediate(resolve));
  t.deepEqual(done, [0, 1, 2, 3, 4, 5]);
  // A new piece does not overtake the waiting ones.
  t.false(turns.begin());
  await new Promise((resolve) => void setImmediate(resolve));
  t.deepEqual(done, [0, 1, 2, 3, 4, 5, 6, 7]);
  t.true(turns.begin());
});

test("pieces that ended no turn count in the next one: at least half of what fits into a turn is done there", async (t) => {
  const turns = new Turns<string>(6);
  const begun = (): number => {
    let count = 0;
    while (turns.begin()) count++;
    return count;
  };
  t.true(turns.begin());
  t.true(turns.begin());
  await new Promise((resolve) => void setImmediate(resolve));
  t.is(begun(), 4);
  await new Promise((resolve) => void setImmediate(resolve));
  t.is(begun(), 6);
});

test("a piece that there is no need for any more takes nobody's turn", async (t) => {
  const turns = new Turns<string>(1);
  const done: string[] = [];
  t.true(turns.begin());
  for (let piece = 0; piece < 1_000; piece++) turns.wait("many", () => false);
  turns.wait("many", () => done.push("many") > 0);
  turns.wait("one", () => done.push("one") > 0);
  await new Promise((resolve) => void setImmediate(resolve));
  t.deepEqual(done, ["many"]);
  await new Promise((resolve) => void setImmediate(resolve));
  t.deepEqual(done, ["many", "one"]);
});

test("a piece that weighs as much as several takes their places in a turn, and one that weighs more than all is done", async (t) => {
  const turns = new Turns<string>(4);
  const done: string[] = [];
  const piece = (name: string) => () => done.push(name) > 0;
  t.true(turns.begin(3));
  t.true(turns.begin(3));
  t.false(turns.begin(1));
  turns.wait("many", piece("100"), 100);
  turns.wait("one", piece("2a"), 2);
  turns.wait("one", piece("2b"), 2);
  turns.wait("one", piece("1"));
  for (const expected of [["100"], ["2a", "2b"], ["1"]]) {
    await new Promise((resolve) => void setImmediate(resolve));
    t.deepEqual(done.splice(0), expected);
  }
});
