// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock, silentLogger } from "../base/mod.ts";

import { Drain } from "./drain.ts";

const TIMES = { drainAnswerTimeoutMs: 100, drainResetTimeoutMs: 1_000 };

/** A drain of entities that leave when `left` is called. */
function draining() {
  const clock = new ManualClock();
  const asked: string[] = [];
  const { promise, resolve: left } = Promise.withResolvers<void>();
  const entities = {
    active: 3,
    passivateAll: () => {
      asked.push("passivate");
      return promise;
    },
    resume: () => void asked.push("resume"),
  };
  const drain = new Drain({ entities, clock, logger: silentLogger, options: TIMES });
  return { drain, clock, asked, left };
}

test("it is not ready from the first call on; all who ask get the answer of the one draining", async (t) => {
  const { drain, asked, left } = draining();
  t.is(drain.problem, undefined);
  const answers = [drain.drain(), drain.drain()];
  t.is(drain.problem, "the proxy is draining");
  left();
  t.deepEqual(await Promise.all(answers), ["drained", "drained"]);
  t.is(drain.problem, "the proxy is draining");
  t.deepEqual(asked, ["passivate"]);
  await drain.drain();
  t.deepEqual(asked, ["passivate", "passivate"]);
});

test("I11: it answers in time, and says how many entities are still there", async (t) => {
  const { drain, clock } = draining();
  const answer = drain.drain();
  clock.advance(TIMES.drainAnswerTimeoutMs);
  t.is(await answer, "not drained within 100 ms; entities in memory: 3");
  t.is(drain.problem, "the proxy is draining");
});

test("it serves again if nobody stops it; each call begins that time anew", async (t) => {
  const { drain, clock, asked, left } = draining();
  left();
  await drain.drain();
  clock.advance(TIMES.drainResetTimeoutMs - 1);
  await drain.drain();
  clock.advance(TIMES.drainResetTimeoutMs - 1);
  t.is(drain.problem, "the proxy is draining");
  clock.advance(1);
  t.is(drain.problem, undefined);
  t.deepEqual(asked, ["passivate", "passivate", "resume"]);
});

test("what is stopped stays so", async (t) => {
  const { drain, clock, asked, left } = draining();
  left();
  await drain.drain();
  drain.stop();
  clock.advance(TIMES.drainResetTimeoutMs);
  t.is(drain.problem, "the proxy is stopping");
  t.is(await drain.drain(), "the proxy is stopping");
  t.deepEqual(asked, ["passivate"]);
});
