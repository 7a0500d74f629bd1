// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { CASES, casesWithYardsticks } from "./cases.ts";
import { HELP, parseOptions } from "./options.ts";
import type { BenchOptions } from "./options.ts";

function options(...args: readonly string[]): BenchOptions | undefined {
  const parsed = parseOptions(args);
  return parsed.kind === "run" ? parsed.options : undefined;
}

function wrong(...args: readonly string[]): string {
  const parsed = parseOptions(args);
  return parsed.kind === "wrong" ? parsed.text : parsed.kind;
}

test("without options everything is measured, as the help says", (t) => {
  t.deepEqual(options(), {
    cases: CASES.map(({ name }) => name),
    footprint: true,
    callers: [1, 16, 64],
    seconds: 3,
    rounds: 3,
    quick: false,
    jsonFile: undefined,
    profileFolder: undefined,
    dataFolder: undefined,
  });
  for (const { name } of CASES) t.true(HELP.includes(name), name);
});

test("a quick run has one round of a second, or of what it is told", (t) => {
  t.like(options("--quick"), { rounds: 1, seconds: 1 });
  t.like(options("--", "--quick", "--seconds", "0.2"), { rounds: 1, seconds: 0.2 });
});

test("cases and callers are lists, and the footprint is a case of its own", (t) => {
  const some = options("--cases", " read http, footprint", "--callers", "4, 8", "--json", "rows.jsonl");
  t.like(some, { cases: ["read http"], footprint: true, callers: [4, 8], jsonFile: "rows.jsonl" });
  t.like(options("--cases", "h2 echo"), { cases: ["h2 echo"], footprint: false });
});

test("what makes no sense is refused with a text that helps", (t) => {
  t.regex(wrong("--cases", "writes"), /no case "writes"; there are direct call, /);
  t.regex(wrong("--cases", ","), /names nothing/);
  t.regex(wrong("--callers", "0"), /whole numbers from 1 to 1000/);
  t.regex(wrong("--callers", "two"), /whole numbers/);
  t.regex(wrong("--seconds", "0"), /above 0 and up to 60/);
  t.regex(wrong("--seconds", "soon"), /above 0/);
  t.regex(wrong("--fast"), /--fast/);
  t.regex(wrong("fast"), /fast/);
  t.is(wrong("--help"), "help");
});

test("a case brings along the direct call that it is compared to", (t) => {
  const names = casesWithYardsticks(["read http", "command sqlite"]).map(({ name }) => name);
  t.deepEqual(names, ["direct call", "command sqlite", "direct read", "read http"]);
  t.true(CASES.every(({ yardstick }) => CASES.some(({ name }) => name === yardstick)));
});
