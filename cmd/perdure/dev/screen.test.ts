// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../../pkg/base/test-doubles/mod.ts";

import { createLineLogger } from "./line-logger.ts";
import { Screen } from "./screen.ts";
import { abilitiesOf, COLOURED, PLAIN } from "./style.ts";

function screenOf(overwrites: boolean) {
  const clock = new ManualClock();
  const written: string[] = [];
  const screen = new Screen({
    stdout: (text) => written.push(text),
    stderr: (text) => written.push(`E:${text}`),
    overwrites,
    clock,
  });
  return { clock, written, screen };
}

test("without a terminal there are lines and nothing else", (t) => {
  const { screen, written, clock } = screenOf(false);
  screen.await("waiting");
  screen.line("a");
  screen.errorLine("b");
  screen.await(undefined);
  t.deepEqual(written, ["a\n", "E:b\n"]);
  t.is(clock.pending, 0);
});

test("on a terminal what is awaited moves below the lines and is gone afterwards", (t) => {
  const { screen, written, clock } = screenOf(true);
  const clear = "\r\u001b[2K";
  screen.await("waiting");
  clock.advance(80);
  screen.errorLine("b");
  screen.await(undefined);
  clock.advance(1_000);
  t.deepEqual(written, [
    `${clear}⠋ waiting`,
    `${clear}⠙ waiting`,
    clear,
    "E:b\n",
    `${clear}⠙ waiting`,
    clear,
  ]);
  t.is(clock.pending, 0);
});

test("colours are for terminals that want them", (t) => {
  const terminal = { isTTY: true, hasColors: () => true };
  const none = { colours: false, overwrites: false };
  t.deepEqual(abilitiesOf(terminal, {}, false), { colours: true, overwrites: true });
  t.deepEqual(abilitiesOf(terminal, { NO_COLOR: "1" }, false), { colours: false, overwrites: true });
  t.deepEqual(abilitiesOf(terminal, { TERM: "dumb" }, false), none);
  t.deepEqual(abilitiesOf(terminal, {}, true), none);
  t.deepEqual(abilitiesOf({ isTTY: false, hasColors: () => false }, {}, false), none);
});

test("the proxy's log is short lines, from the wanted level on", (t) => {
  const lines: string[] = [];
  const logger = createLineLogger("warn", PLAIN, (line) => lines.push(line));
  logger.info("listening", { port: 1 });
  logger.warn("slow", { ms: 12, key: "cart/ann", nothing: undefined });
  logger.error("refused", { errors: ["one", "two"], cause: new Error("a", { cause: new Error("b") }) });
  t.deepEqual(lines, ["warn slow ms=12 key=cart/ann", "error refused cause=a: b", "  - one", "  - two"]);

  createLineLogger("silent", PLAIN, () => t.fail()).error("x");
  createLineLogger("error", COLOURED, (line) => t.true(line.startsWith("\u001b["))).error("x");
});
