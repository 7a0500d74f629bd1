// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { patiently } from "./patience.ts";

const never = new AbortController().signal;

test("a read is tried again until the log answers, ever more rarely", async (t) => {
  const { clock, options } = world();
  const triedAtMs: number[] = [];
  const read = patiently(
    async () => {
      triedAtMs.push(clock.monotonicMs());
      if (triedAtMs.length < 5) throw failure("LOG_UNAVAILABLE");
      return "found";
    },
    options,
    never,
  );
  await pass(clock, 1_000);
  t.is(await read, "found");
  t.deepEqual(triedAtMs, [0, 5, 15, 35, 75]);
});

test("a read that finds no answer is given up at its deadline, with the last error", async (t) => {
  const { clock, options } = world();
  let tries = 0;
  const read = patiently(() => Promise.reject(failure("LOG_UNAVAILABLE", `${++tries}`)), options, never);
  const outcome = t.throwsAsync(read, { instanceOf: EventLogError });
  await pass(clock, 999);
  const before = tries;
  await pass(clock, 1);
  t.is((await outcome).message, `${before + 1}`);
});

test("what time does not heal is thrown at once", async (t) => {
  const { options } = world();
  for (const code of ["LOG_UNUSABLE", "LOG_CORRUPT", "LOG_OVERLOADED", "LOG_CLOSED"] as const) {
    await t.throwsAsync(
      patiently(() => Promise.reject(failure(code)), options, never),
      { code },
    );
  }
});

test("who is told to hurry waits no longer", async (t) => {
  const { options } = world();
  const hurry = new AbortController();
  const read = patiently(() => Promise.reject(failure("LOG_UNAVAILABLE")), options, hurry.signal);
  hurry.abort();
  await t.throwsAsync(read, { code: "LOG_UNAVAILABLE" });
});

function world() {
  const clock = new ManualClock();
  return { clock, options: { clock, random: () => 0.5, readDeadlineMs: 1_000 } };
}

/** Advances the clock millisecond by millisecond, so that each wait begins at its proper time. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    await new Promise(setImmediate);
    clock.advance(1);
  }
  await new Promise(setImmediate);
}

function failure(code: EventLogCode, text = "away"): EventLogError {
  return new EventLogError(code, text);
}
