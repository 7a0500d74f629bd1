// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { casesOf, casesWithYardsticks, yardstickOf } from "./cases.ts";
import type { BenchOptions } from "./options.ts";
import { benchCommand, parseOptions } from "./options.ts";

const namesOf = (log: "sqlite" | "nats"): string[] => casesOf(log).map(({ name }) => name);

/** A command line that throws where it would exit, and prints nothing. */
function command() {
  const ignore = (): void => {};
  return benchCommand().exitOverride().configureOutput({ writeOut: ignore, writeErr: ignore });
}

function options(...args: readonly string[]): BenchOptions {
  return parseOptions(args, command());
}

function wrong(...args: readonly string[]): string {
  try {
    options(...args);
    return "right";
  } catch (error) {
    return (error as Error).message;
  }
}

test("without options everything is measured", (t) => {
  t.deepEqual(options(), {
    log: "sqlite",
    pods: undefined,
    parts: [],
    cases: namesOf("sqlite"),
    footprint: true,
    against: undefined,
    telemetry: [],
    callers: [1, 16, 64],
    seconds: 3,
    rounds: 3,
    starts: 1,
    quick: false,
    json: undefined,
    profile: undefined,
    data: undefined,
  });
});

test("the help names all cases", (t) => {
  let help = "";
  const writeOut = (text: string): void => void (help += text);
  command().configureOutput({ writeOut }).outputHelp();
  for (const name of [...namesOf("sqlite"), ...namesOf("nats")]) t.true(help.includes(name), name);
});

test("with NATS there are other cases", (t) => {
  t.like(options("--log", "nats"), { log: "nats", cases: namesOf("nats"), footprint: true });
  t.true(namesOf("nats").includes("command nats fsync"));
  t.like(options("--log", "nats", "--cases", "command nats"), { cases: ["command nats"], footprint: false });
});

test("a quick run has one round of a second, or of what it is told", (t) => {
  t.like(options("--quick"), { rounds: 1, seconds: 1 });
  t.like(options("--", "--quick", "--seconds", "0.2"), { rounds: 1, seconds: 0.2 });
});

test("with another checkout there are more and longer rounds, as a small difference needs", (t) => {
  t.like(options("--against", "../before"), { against: "../before", rounds: 6, seconds: 24, starts: 3 });
  t.like(options("--against", "../before", "--quick"), { rounds: 1, seconds: 1, starts: 1 });
  t.like(options("--against", "../before", "--rounds", "2"), { starts: 2 });
  t.regex(wrong("--starts", "4"), /--starts is at most the number of rounds, 3/);
  t.like(options("--against", "../before", "--rounds", "40", "--seconds", "20"), { rounds: 40, seconds: 20 });
  t.like(options("--rounds", "5"), { against: undefined, rounds: 5, seconds: 3 });
});

test("proxies with different telemetry are measured as two checkouts are", (t) => {
  const some = options("--telemetry", "off,unsampled, sampled");
  t.like(some, { telemetry: ["off", "unsampled", "sampled"], cases: ["command sqlite"], callers: [64] });
  t.like(some, { rounds: 9, seconds: 36, starts: 3, footprint: false });
  t.like(options("--telemetry", "sampled,slow", "--cases", "read http", "--callers", "1"), {
    cases: ["read http"],
    callers: [1],
  });
  t.regex(wrong("--telemetry", "off,on"), /no "on"/);
  t.regex(wrong("--telemetry", "off"), /two or more different names/);
  t.regex(wrong("--telemetry", "off,off"), /two or more different names/);
  t.regex(wrong("--telemetry", "off,sampled", "--cases", "h2 echo"), /no case of a proxy/);
  t.regex(wrong("--telemetry", "off,sampled", "--against", "../before"), /exclude each other/);
});

test("several pods have cases of their own, over NATS", (t) => {
  t.like(options("--pods", "3"), {
    log: "nats",
    pods: 3,
    parts: ["rows", "claim", "rebalance", "idle"],
    cases: [],
    footprint: false,
    callers: [1, 16, 64],
    seconds: 3,
    rounds: 3,
  });
  t.like(options("--pods", "2", "--log", "nats", "--quick"), { pods: 2, rounds: 1, seconds: 1 });
  t.deepEqual(options("--pods", "3", "--cases", "idle,claim").parts, ["claim", "idle"]);
  t.regex(wrong("--pods", "1"), /whole numbers from 2 to 9/);
  t.regex(wrong("--pods", "some"), /whole numbers/);
  t.regex(wrong("--pods", "3", "--log", "sqlite"), /--pods needs --log nats/);
  t.regex(wrong("--pods", "3", "--cases", "footprint"), /no case "footprint" with --pods; there are rows, /);
  t.regex(wrong("--pods", "3", "--against", "../before"), /--pods and --against exclude each other/);
  t.regex(wrong("--pods", "3", "--telemetry", "off,sampled"), /--pods and --telemetry exclude/);
  t.regex(wrong("--pods", "3", "--profile", "x"), /--pods and --profile exclude/);
});

test("cases and callers are lists, and the footprint is a case of its own", (t) => {
  const some = options("--cases", " read http, footprint", "--callers", "8, 4", "--json", "rows.jsonl");
  t.like(some, { cases: ["read http"], footprint: true, callers: [4, 8], json: "rows.jsonl" });
  t.like(options("--cases", "h2 echo"), { cases: ["h2 echo"], footprint: false });
});

test("what makes no sense is refused with a text that helps", (t) => {
  t.regex(wrong("--cases", "writes"), /no case "writes" with the log sqlite; there are direct call, /);
  t.regex(wrong("--cases", ","), /names nothing/);
  t.regex(wrong("--callers", "0"), /whole numbers from 1 to 1000/);
  t.regex(wrong("--callers", "two"), /whole numbers/);
  t.regex(wrong("--seconds", "0"), /above 0 and up to 600/);
  t.regex(wrong("--seconds", "soon"), /above 0/);
  t.regex(wrong("--rounds", "0"), /whole numbers from 1 to 100/);
  t.regex(wrong("--rounds", "2.5"), /whole number/);
  t.regex(wrong("--against", "../before", "--cases", "direct read,h2 echo,footprint"), /no case of a proxy/);
  t.regex(wrong("--log", "redis"), /Allowed choices are sqlite, nats/);
  t.regex(wrong("--fast"), /--fast/);
  t.regex(wrong("fast"), /too many arguments/);
  t.is(wrong("--help"), "(outputHelp)");
});

test("a case brings along what it is compared to", (t) => {
  const names = casesWithYardsticks("sqlite", ["read http", "command sqlite"]).map(({ name }) => name);
  t.deepEqual(names, ["direct call", "command sqlite", "direct read", "read http"]);
  for (const log of ["sqlite", "nats"] as const) {
    for (const each of casesOf(log)) t.truthy(yardstickOf(each, casesOf(log)), each.name);
  }
});
