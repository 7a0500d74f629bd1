// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";

import test from "ava";

import { OwnLines, usefulLines } from "./useful-lines.ts";

/** What a real Node writes when this program ends it. */
function linesOf(code: string): string[] {
  const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  return stderr.split("\n");
}

test("of an error that nobody catches, its text and its own places are left", (t) => {
  const code = "const deep = (n) => { if (n === 0) throw new Error('out of pens'); deep(n - 1); }; deep(30);";
  const lines = usefulLines(linesOf(code), 10);
  t.true(
    lines.some((line) => line.includes("Error: out of pens")),
    lines.join("\n"),
  );
  t.true(lines.length <= 10);
  t.false(lines.some((line) => line.startsWith("Node.js v") || line.includes("node:internal")));
});

test("of a syntax error, the file and the line are left", (t) => {
  const text = linesOf("const a = ;").join("\n");
  t.true(text.includes("Node.js v"));
  const lines = usefulLines(text.split("\n"), 10);
  t.true(
    lines.some((line) => line.includes("const a = ;")),
    lines.join("\n"),
  );
  t.true(lines.some((line) => line.startsWith("SyntaxError: ")));
});

test("what Node says about itself is left out as the lines come, and nothing else", (t) => {
  const shown = (lines: readonly string[]): string[] => {
    const own = new OwnLines();
    return lines.map((line) => own.of(line)).filter((line) => line !== undefined);
  };
  t.deepEqual(
    shown([
      "node:internal/modules/run_main:107",
      "    triggerUncaughtException(",
      "    ^",
      "",
      "file:///srv/cart/main.ts:2",
      "const broken = ;",
      "    ^",
      "SyntaxError: Expression expected",
      "\u001b[90m    at parseTypeScript (node:internal/modules/typescript:72:36)\u001b[39m",
      "    at add (file:///srv/cart/cart.ts:3:1)",
      "    at node:internal/main/eval_string:37:3 {",
      "  code: 'E'",
      "}",
      "Node.js v24.21.0",
    ]),
    [
      "",
      "file:///srv/cart/main.ts:2",
      "const broken = ;",
      "    ^",
      "SyntaxError: Expression expected",
      "    at add (file:///srv/cart/cart.ts:3:1)",
      "  {",
      "  code: 'E'",
      "}",
    ],
  );
  const said = ["at node:internal we meet", "Node.js v24 is fine", "  ^", "triggerUncaughtException("];
  t.deepEqual(shown(said), said);
  t.false(
    shown(linesOf("throw new TypeError('no pens')")).some((line) => /node:internal|^Node\.js v/.test(line)),
  );
});

test("of an error with a long cause, its beginning is left", (t) => {
  const frames = Array.from({ length: 20 }, (_, i) => `    at step${i} (file:///srv/cart/cart.ts:${i}:1)`);
  const before = Array.from({ length: 20 }, (_, i) => `log line ${i}`);
  const lines = usefulLines([...before, "TypeError: no pens", ...frames, "", "Node.js v24.1.0"], 10);
  t.is(lines.length, 10);
  t.true(lines.includes("TypeError: no pens"));
  t.true(lines.includes("    at step0 (file:///srv/cart/cart.ts:0:1)"));
});

test("a traceback of Python is left to its last line", (t) => {
  const frames = Array.from({ length: 12 }, (_, i) => [`  File "cart.py", line ${i}, in step`, "    step()"]);
  const lines = usefulLines(
    ["Traceback (most recent call last):", ...frames.flat(), "ValueError: no pens"],
    10,
  );
  t.is(lines.length, 10);
  t.is(lines.at(-1), "ValueError: no pens");
  t.is(lines.at(-3), '  File "cart.py", line 11, in step');
});

test("what is no error that is known is left to its end", (t) => {
  const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
  t.deepEqual(usefulLines(lines, 3), ["line 27", "line 28", "line 29"]);
  t.deepEqual(usefulLines(["", "bye", ""], 10), ["bye"]);
});
