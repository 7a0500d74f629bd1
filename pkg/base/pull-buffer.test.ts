// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";

import test from "ava";
import fc from "fast-check";

import { PullBuffer } from "./pull-buffer.ts";

/** A buffer, and the calls that it made to its source. */
function start(maxBuffered = 3) {
  const told: string[] = [];
  const tell = (word: string) => () => void told.push(word);
  const source = {
    start: tell("start"),
    pause: tell("pause"),
    resume: tell("resume"),
    cancel: tell("cancel"),
  };
  return { buffer: new PullBuffer<number>(source, maxBuffered), told };
}

test("nothing is taken from the source before the reader asks", async (t) => {
  const { buffer, told } = start();
  t.deepEqual(told, []);
  const first = buffer.next();
  t.deepEqual(told, ["start"]);
  buffer.push(1, 1);
  t.deepEqual(await first, { done: false, value: 1 });
  const second = buffer.next();
  buffer.push(2, 1);
  await second;
  t.deepEqual(told, ["start"]);
});

test("the source is held at the bound, and goes on when all is read (I11)", async (t) => {
  const { buffer, told } = start(3);
  const first = buffer.next();
  for (const item of [1, 2, 3, 4, 5]) buffer.push(item, 1);
  t.deepEqual(told, ["start", "pause"]);
  await first;
  for (const item of [2, 3, 4]) t.like(await buffer.next(), { value: item });
  t.deepEqual(told, ["start", "pause"]);
  t.like(await buffer.next(), { value: 5 });
  t.deepEqual(told, ["start", "pause", "resume"]);
});

test("the end, or an error, comes behind everything, once", async (t) => {
  const { buffer } = start();
  const first = buffer.next();
  buffer.push(1, 1);
  buffer.push(2, 1);
  buffer.end(new Error("broke"));
  buffer.push(3, 1);
  buffer.end();
  t.like(await first, { value: 1 });
  t.like(await buffer.next(), { value: 2 });
  await t.throwsAsync(buffer.next(), { message: "broke" });
  t.like(await buffer.next(), { done: true });

  const { buffer: waiting } = start();
  const item = waiting.next();
  waiting.end(new Error("broke"));
  await t.throwsAsync(item, { message: "broke" });
});

test("a reader that leaves cancels the source, drops what waits, and hears the end if it waits itself", async (t) => {
  const { buffer, told } = start();
  const waiting = buffer.next();
  t.like(await buffer.return(), { done: true });
  t.like(await waiting, { done: true });
  buffer.push(1, 1);
  t.like(await buffer.next(), { done: true });
  await buffer.return();
  t.deepEqual(told, ["start", "cancel"]);

  const { buffer: ended, told: toldOfEnded } = start();
  void ended.next();
  ended.push(1, 1);
  ended.end(new Error("nobody hears this"));
  await ended.return();
  t.like(await ended.next(), { done: true });
  t.deepEqual(toldOfEnded, ["start"]);
});

test("whatever the pace of both sides, everything comes out once and in order", async (t) => {
  const bursts = fc.array(fc.nat(5), { maxLength: 30 });
  await t.notThrowsAsync(() =>
    fc.assert(
      fc.asyncProperty(bursts, bursts, fc.integer({ min: 1, max: 6 }), async (pushes, rests, bound) => {
        const { buffer } = start(bound);
        const seen: number[] = [];
        const turns = async (count: number): Promise<void> => {
          for (let turn = 0; turn < count; turn++) await Promise.resolve();
        };
        const reading = (async () => {
          for await (const item of buffer) {
            seen.push(item);
            await turns(rests[item] ?? 0);
          }
        })();
        let pushed = 0;
        for (const burst of pushes) {
          for (let i = 0; i < burst; i++) buffer.push(pushed++, 1);
          await turns(burst);
        }
        buffer.end();
        await reading;
        assert.deepEqual(
          seen,
          Array.from({ length: pushed }, (_, item) => item),
        );
      }),
    ),
  );
});
