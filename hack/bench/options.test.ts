// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { CASES, caseNames, casesWithYardsticks, yardstickOf } from "./cases.ts";
import type { BenchOptions } from "./options.ts";
import { HELP, parseOptions } from "./options.ts";

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
    log: "sqlite",
    cases: caseNames("sqlite"),
    footprint: true,
    entities: undefined,
    streams: undefined,
    against: undefined,
    callers: [1, 16, 64],
    seconds: 3,
    rounds: 3,
    starts: 1,
    quick: false,
    jsonFile: undefined,
    profileFolder: undefined,
    dataFolder: undefined,
  });
  for (const name of [...caseNames("sqlite"), ...caseNames("nats")]) t.true(HELP.includes(name), name);
});

test("with NATS there are other cases, more callers and many entities", (t) => {
  t.like(options("--log", "nats"), {
    log: "nats",
    cases: caseNames("nats"),
    footprint: true,
    entities: 1_000_000,
    callers: [1, 16, 64, 256],
  });
  t.like(options("--log", "nats", "--quick"), { entities: 10_000 });
  const some = options("--log", "nats", "--cases", "command,entities", "--entities", "20000");
  t.like(some, { cases: ["command"], footprint: false, entities: 20_000 });
  t.is(options("--log", "nats", "--cases", "own publish")?.entities, undefined);
  t.is(options("--log", "nats", "--streams", "16")?.streams, 16);
});

test("a quick run has one round of a second, or of what it is told", (t) => {
  t.like(options("--quick"), { rounds: 1, seconds: 1 });
  t.like(options("--", "--quick", "--seconds", "0.2"), { rounds: 1, seconds: 0.2 });
});

test("with another checkout there are more rounds, as a small difference needs", (t) => {
  t.like(options("--against", "../before"), { against: "../before", rounds: 15, seconds: 7.5, starts: 5 });
  t.like(options("--against", "../before", "--quick"), { rounds: 1, seconds: 1, starts: 1 });
  t.like(options("--against", "../before", "--rounds", "2"), { starts: 2 });
  t.regex(wrong("--starts", "4"), /--starts takes a whole number from 1 to that of the rounds, 3/);
  t.like(options("--against", "../before", "--rounds", "40", "--seconds", "20"), { rounds: 40, seconds: 20 });
  t.like(options("--rounds", "5"), { against: undefined, rounds: 5, seconds: 3 });
});

test("cases and callers are lists, and the footprint is a case of its own", (t) => {
  const some = options("--cases", " read http, footprint", "--callers", "4, 8", "--json", "rows.jsonl");
  t.like(some, { cases: ["read http"], footprint: true, callers: [4, 8], jsonFile: "rows.jsonl" });
  t.like(options("--cases", "h2 echo"), { cases: ["h2 echo"], footprint: false });
});

test("what makes no sense is refused with a text that helps", (t) => {
  t.regex(wrong("--cases", "writes"), /no case "writes" with the log sqlite; there are direct call, /);
  t.regex(wrong("--cases", ","), /names nothing/);
  t.regex(wrong("--callers", "0"), /whole numbers from 1 to 1000/);
  t.regex(wrong("--callers", "two"), /whole numbers/);
  t.regex(wrong("--seconds", "0"), /above 0 and up to 60/);
  t.regex(wrong("--seconds", "soon"), /above 0/);
  t.regex(wrong("--rounds", "0"), /--rounds takes a whole number from 1 to 100/);
  t.regex(wrong("--rounds", "2.5"), /whole number/);
  t.regex(wrong("--against", "../before", "--cases", "direct read,h2 echo,footprint"), /no case of a proxy/);
  t.regex(wrong("--log", "redis"), /--log takes sqlite or nats/);
  t.regex(wrong("--cases", "own publish"), /no case "own publish" with the log sqlite/);
  t.regex(wrong("--entities", "20000"), /case "entities" of --log nats/);
  t.regex(wrong("--log", "nats", "--entities", "9999"), /whole number from 10000 to 10000000/);
  t.regex(wrong("--log", "nats", "--entities", "many"), /whole number/);
  t.regex(wrong("--streams", "4"), /--streams goes with --log nats/);
  t.regex(wrong("--log", "nats", "--streams", "3"), /takes 1, 2, 4, 8, 16/);
  t.regex(wrong("--fast"), /--fast/);
  t.regex(wrong("fast"), /fast/);
  t.is(wrong("--help"), "help");
});

test("a case brings along what it is compared to", (t) => {
  const names = casesWithYardsticks("sqlite", ["read http", "command sqlite"]).map(({ name }) => name);
  t.deepEqual(names, ["direct call", "command sqlite", "direct read", "read http"]);
  for (const cases of Object.values(CASES)) {
    for (const each of cases) t.is(yardstickOf(each, cases)?.name, each.yardstick);
  }
});

test("what is published is compared to what is published as safely", (t) => {
  const cases = casesWithYardsticks("nats", ["own publish"]);
  const titles = cases.map(({ name, durability }) => `${name}, ${durability}`);
  t.deepEqual(titles, [
    "bare publish, acknowledged-before-fsync",
    "own publish, acknowledged-before-fsync",
    "bare publish, fsync-one-node",
    "own publish, fsync-one-node",
  ]);
  for (const each of cases) t.is(yardstickOf(each, cases)?.durability, each.durability);
});
