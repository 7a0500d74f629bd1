// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { Drain } from "./drain.ts";

/** Lets the callbacks of settled promises run. */
const flush = () => new Promise((resolve) => setImmediate(resolve));

const TIMES = { drainAnswerTimeoutMs: 100, drainResetTimeoutMs: 1_000 };

/** A drain of entities that leave when `left` is called. */
function draining() {
  const clock = new ManualClock();
  const asked: string[] = [];
  const { promise, resolve: left } = Promise.withResolvers<void>();
  const parts = {
    inspect: () => ({ entities: { inMemory: 3 } }),
    drain: () => {
      asked.push("passivate");
      return promise;
    },
    resume: () => void asked.push("resume"),
  };
  const { promise: quiet, resolve: becomeQuiet } = Promise.withResolvers<string | undefined>();
  const stopped: AbortSignal[] = [];
  const drain = new Drain({
    parts,
    quiet: (signal) => {
      stopped.push(signal);
      return quiet;
    },
    clock,
    telemetry: NO_TELEMETRY,
    options: TIMES,
  });
  return { drain, clock, asked, left, becomeQuiet, stopped };
}

test("it is not ready from the first call on; all who ask get the answer of the one draining", async (t) => {
  const { drain, asked, left, becomeQuiet } = draining();
  t.is(drain.problem, undefined);
  const answers = [drain.drain(), drain.drain()];
  t.is(drain.problem, "the proxy is draining");
  becomeQuiet(undefined);
  left();
  t.deepEqual(await Promise.all(answers), ["drained", "drained"]);
  t.is(drain.problem, "the proxy is draining");
  t.deepEqual(asked, ["passivate", "passivate"]);
  await drain.drain();
  t.is(asked.length, 4);
});

test("entities leave at once, but the answer waits until no more requests come, and for those that came till then", async (t) => {
  const { drain, clock, asked, left, becomeQuiet } = draining();
  let answer: string | undefined;
  const answered = drain.drain().then((text) => (answer = text));
  t.deepEqual(asked, ["passivate"]);
  clock.advance(TIMES.drainAnswerTimeoutMs);
  becomeQuiet("connect ECONNREFUSED");
  await flush();
  t.deepEqual(asked, ["passivate", "passivate"]);
  t.is(answer, undefined);
  left();
  t.is(await answered, "drained");
});

test("I11: once it is quiet it answers in time, and says how many entities are still there", async (t) => {
  const { drain, clock, becomeQuiet } = draining();
  const answer = drain.drain();
  becomeQuiet(undefined);
  await flush();
  clock.advance(TIMES.drainAnswerTimeoutMs);
  t.is(await answer, "not drained within 100 ms; entities in memory: 3");
  t.is(drain.problem, "the proxy is draining");
});

test("it serves again if nobody stops it; each call begins that time anew", async (t) => {
  const { drain, clock, asked, left, becomeQuiet } = draining();
  becomeQuiet(undefined);
  left();
  await drain.drain();
  clock.advance(TIMES.drainResetTimeoutMs - 1);
  await drain.drain();
  clock.advance(TIMES.drainResetTimeoutMs - 1);
  t.is(drain.problem, "the proxy is draining");
  clock.advance(1);
  t.is(drain.problem, undefined);
  t.is(asked.at(-1), "resume");
});

test("what is stopped stays so, and asks nobody any more", async (t) => {
  const { drain, clock, asked, left, becomeQuiet, stopped } = draining();
  becomeQuiet(undefined);
  left();
  await drain.drain();
  t.deepEqual(
    stopped.map(({ aborted }) => aborted),
    [false],
  );
  drain.stop();
  t.true(stopped[0]?.aborted);
  clock.advance(TIMES.drainResetTimeoutMs);
  t.is(drain.problem, "the proxy is stopping");
  t.is(await drain.drain(), "the proxy is stopping");
  t.false(asked.includes("resume"));
});
