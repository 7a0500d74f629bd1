// SPDX-License-Identifier: Apache-2.0

import { setImmediate as turn } from "node:timers/promises";

import test from "ava";

import { silentLogger } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";
import { logsOnly } from "../telemetry/mod.ts";

import type { EventLogCode } from "./event-log.ts";
import { EventLogError } from "./event-log.ts";
import { Health } from "./health.ts";

const INTERVAL_MS = 500;
const TIMEOUT_MS = 3_000;

test("(4) a partition without appends is checked each interval; one with appends is not", async (t) => {
  const { health, clock, checks } = world(2);
  for (let tick = 0; tick < 3; tick++) {
    clock.advance(INTERVAL_MS - 1);
    health.worked(1);
    clock.advance(1);
    await turn();
  }
  t.deepEqual(checks, ["0", "0", "0"]);
});

test("(12) what a check meets is what the log says, until a check or an append works", async (t) => {
  const { health, clock, fails } = world(1);
  fails.set(0, "LOG_UNAVAILABLE");
  clock.advance(INTERVAL_MS);
  await turn();
  t.is(codeOf(health), "LOG_UNAVAILABLE");
  fails.clear();
  clock.advance(INTERVAL_MS);
  await turn();
  t.is(codeOf(health), "usable");

  fails.set(0, "LOG_UNUSABLE");
  clock.advance(INTERVAL_MS);
  await turn();
  t.is(codeOf(health), "LOG_UNUSABLE");
  health.worked(0);
  t.is(codeOf(health), "usable");
});

test("a log of which some partitions fail says which part; only one whose partitions all fail is unusable", async (t) => {
  const { health, clock, fails } = world(3);
  fails.set(1, "LOG_UNAVAILABLE");
  clock.advance(INTERVAL_MS);
  await turn();
  t.like(health.current, {
    kind: "partly",
    error: { message: "1 of 3 partitions: check 1", code: "LOG_UNAVAILABLE" },
  });
  fails.set(0, "LOG_UNUSABLE").set(2, "LOG_UNUSABLE");
  clock.advance(INTERVAL_MS);
  await turn();
  t.like(health.current, { kind: "unusable", error: { code: "LOG_UNUSABLE" } });
});

test("(2) a failed append is checked at once and thoroughly, and says nothing by itself: it may concern one entity", async (t) => {
  const { health, clock, checks } = world(1);
  clock.advance(INTERVAL_MS);
  await turn();
  clock.advance(INTERVAL_MS - 1);
  // Many failures cause one check, not one each: the next check is the timer's.
  for (let i = 0; i < 100; i++) health.failed(0, new EventLogError("LOG_UNUSABLE", "forbidden"));
  t.is(codeOf(health), "usable");
  clock.advance(1);
  await turn();
  clock.advance(INTERVAL_MS);
  await turn();
  t.deepEqual(checks, ["0", "0 thorough", "0"]);
  t.is(codeOf(health), "usable");
});

test("what concerns the append alone is not even checked", async (t) => {
  const { health, clock, checks } = world(1);
  clock.advance(INTERVAL_MS / 2);
  health.worked(0);
  for (const code of ["RECORD_TOO_LARGE", "LOG_OVERLOADED", "LOG_CLOSED"] as const)
    health.failed(0, new EventLogError(code, ""));
  clock.advance(INTERVAL_MS / 4);
  await turn();
  t.deepEqual(checks, []);
});

test("(3) what no check can see counts at once, until an append works", (t) => {
  const { health } = world(1);
  health.failed(0, new EventLogError("LOG_FULL", "full"));
  t.is(codeOf(health), "LOG_FULL");
  health.worked(0);
  t.is(codeOf(health), "usable");
});

test("(3) without an append it counts for a second, then twice as long each time, at most a minute", async (t) => {
  const { health, clock } = world(1);
  const lasted: number[] = [];
  for (let time = 0; time < 9; time++) {
    const beganMs = clock.monotonicMs();
    for (let i = 0; i < 50; i++) health.failed(0, new EventLogError("LOG_FULL", "full"));
    while (codeOf(health) !== "usable") {
      clock.advance(INTERVAL_MS);
      await turn();
    }
    lasted.push((clock.monotonicMs() - beganMs) / 1_000);
  }
  t.deepEqual(lasted, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("(5) a check that does not end counts as failed after its time, and there is never a second one of a partition", async (t) => {
  const { health, clock, checks, hold } = world(1);
  const release = hold();
  clock.advance(INTERVAL_MS + TIMEOUT_MS - 1);
  t.is(codeOf(health), "usable");
  clock.advance(INTERVAL_MS);
  t.like(health.current, {
    kind: "unusable",
    error: { code: "LOG_UNAVAILABLE", message: "the log did not answer a check within 3000 ms" },
  });
  clock.advance(60_000);
  t.deepEqual(checks, ["0"]);
  release();
  await turn();
  t.is(codeOf(health), "usable");
});

test("a check tells nothing against what an append met after it had begun", async (t) => {
  const { health, clock, fails, hold } = world(1);
  const release = hold();
  fails.set(0, "LOG_UNAVAILABLE");
  clock.advance(INTERVAL_MS);
  clock.advance(1);
  health.worked(0);
  release();
  await turn();
  t.is(codeOf(health), "usable");
});

test("each change is said once; a log that comes and goes is said ever more rarely, with the number of changes", async (t) => {
  const { health, clock, lines } = world(1);
  const full = new EventLogError("LOG_FULL", "full");
  for (let i = 0; i < 3; i++) health.failed(0, full);
  t.deepEqual(lines, ["error appends would fail LOG_FULL 1"]);
  lines.length = 0;
  // Every 100 ms for an hour.
  for (let i = 0; i < 36_000; i++) {
    clock.advance(50);
    health.worked(0);
    clock.advance(50);
    health.failed(0, full);
    if (i % 100 === 0) await turn();
  }
  t.true(lines.length < 80, `${lines.length} lines`);
  t.regex(lines.at(-1) ?? "", / 1[12]\d\d$/, "about 1,200 changes in a minute");
  health.worked(0);
  clock.advance(60_000);
  t.regex(lines.at(-1) ?? "", /^info appends would work again/);
});

test("when it is stopped it says LOG_CLOSED, and leaves no timer", (t) => {
  const { health, clock } = world(2);
  health.failed(0, new EventLogError("LOG_FULL", "full"));
  health.stop();
  t.is(codeOf(health), "LOG_CLOSED");
  t.is(clock.pending, 0);
});

function codeOf({ current }: Health): EventLogCode | "usable" {
  return current.kind === "usable" ? current.kind : current.error.code;
}

/** Health of a log whose checks fail as the test says, and end at once unless they are held. */
function world(partitions: number) {
  const clock = new ManualClock();
  const checks: string[] = [];
  const fails = new Map<number, EventLogCode>();
  const lines: string[] = [];
  let held: Promise<void> | undefined;
  const say =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const text = message.replace("event log: ", "");
      const details = [fields["code"], fields["changes"]].filter((part) => part !== undefined).map(String);
      lines.push([level, text, ...details].join(" "));
    };
  const check = async (partition: number, isSuspected: boolean): Promise<void> => {
    checks.push(`${partition}${isSuspected ? " thorough" : ""}`);
    await held;
    const code = fails.get(partition);
    if (code !== undefined) throw new EventLogError(code, `check ${partition}`);
  };
  const logger = { ...silentLogger, info: say("info"), warn: say("warn"), error: say("error") };
  const settings = { logCheckIntervalMs: INTERVAL_MS, logCheckTimeoutMs: TIMEOUT_MS };
  const hidden = ["LOG_FULL", "OUTCOME_UNKNOWN"] as const;
  const health = new Health(partitions, { ...settings, clock, telemetry: logsOnly(logger), check, hidden });
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return () => {
      held = undefined;
      resolve();
    };
  };
  return { health, clock, checks, fails, lines, hold };
}
