// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { LogFields } from "../base/mod.ts";
import { ManualClock } from "../base/test-doubles/mod.ts";

import { countRepeats } from "./repeats.ts";

function counting() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const write = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const logger = countRepeats(
    { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    clock,
    { logRepeatLines: 2, logRepeatWindowMs: 1_000 },
  );
  return { clock, lines, logger };
}

test("a few lines with the same message are written, whatever else is in them, and the others counted", (t) => {
  const { clock, lines, logger } = counting();
  for (let i = 0; i < 1_000; i++) logger.warn("side effect failed", { effect: `e${i}` });
  logger.warn("append failed");
  t.deepEqual(lines, [
    'warn side effect failed {"effect":"e0"}',
    'warn side effect failed {"effect":"e1"}',
    "warn append failed {}",
  ]);
  clock.advance(1_000);
  t.deepEqual(lines.slice(3), [
    'warn lines with the same message were left out {"of":"side effect failed","count":998}',
  ]);
  logger.warn("side effect failed", { effect: "later" });
  t.is(lines.at(-1), 'warn side effect failed {"effect":"later"}');
});

test("levels are counted by themselves, and debug is written whole", (t) => {
  const { lines, logger } = counting();
  for (let i = 0; i < 3; i++) for (const level of ["debug", "info", "error"] as const) logger[level]("x");
  t.is(lines.length, 3 + 2 + 2);
  logger.flush();
  t.deepEqual(lines.slice(7), [
    'info lines with the same message were left out {"of":"x","count":1}',
    'error lines with the same message were left out {"of":"x","count":1}',
  ]);
});
