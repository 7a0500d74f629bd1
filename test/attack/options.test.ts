// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { BOUND_NAMES } from "./bounds.ts";
import { HELP, parseOptions } from "./options.ts";

const ANY_SEED = 42;
const DEFAULTS = {
  only: [],
  isShort: false,
  minutes: undefined,
  seed: ANY_SEED,
  goal: { kind: "stand" },
  maxMemoryMib: 400,
  wantsCgroup: true,
  json: undefined,
} as const;

test("without arguments: every attack once, with any seed", (t) => {
  t.deepEqual(parseOptions([], ANY_SEED), { kind: "run", options: DEFAULTS });
});

test("every option is taken, and npm's -- is not one", (t) => {
  const args =
    "-- --only half-sent,json-deep:h2 --only idle-tcp --short --minutes 0.5 --seed 7 --max-memory 300 --no-cgroup --json a.json";
  t.deepEqual(parseOptions(args.split(" "), ANY_SEED), {
    kind: "run",
    options: {
      ...DEFAULTS,
      only: ["half-sent", "json-deep:h2", "idle-tcp"],
      isShort: true,
      minutes: 0.5,
      seed: 7,
      maxMemoryMib: 300,
      wantsCgroup: false,
      json: "a.json",
    },
  });
  t.deepEqual(parseOptions(["--prove"], ANY_SEED), {
    kind: "run",
    options: { ...DEFAULTS, goal: { kind: "prove" } },
  });
  t.deepEqual(parseOptions(["--without", "max-buffered-bytes,request-timeout"], ANY_SEED), {
    kind: "run",
    options: { ...DEFAULTS, goal: { kind: "without", bounds: ["max-buffered-bytes", "request-timeout"] } },
  });
});

test("what makes no sense is told with what would", (t) => {
  const wrong = {
    "--minutes 0": "--minutes takes a number above 0 and up to 1440",
    "--seed many": "--seed takes a whole number from 0 to 4294967295",
    "--max-memory 513": "--max-memory takes a whole number from 1 to 512",
    "--prove --without max-buffered-bytes": "--prove and --without exclude each other",
    "--without rain": `there is no bound "rain"; there are ${BOUND_NAMES.join(", ")}`,
    "--fast": undefined,
  };
  for (const [args, text] of Object.entries(wrong)) {
    const parsed = parseOptions(args.split(" "), ANY_SEED);
    if (parsed.kind !== "wrong") t.fail(args);
    else if (text !== undefined) t.is(parsed.text, text);
  }
});

test("the help names every option and every bound", (t) => {
  t.deepEqual(parseOptions(["--help"], ANY_SEED), { kind: "help" });
  t.deepEqual(parseOptions(["--list"], ANY_SEED), { kind: "list" });
  const options = "list only short minutes seed prove without max-memory no-cgroup json help";
  for (const name of options.split(" ")) t.true(HELP.includes(`--${name}`), name);
  for (const name of BOUND_NAMES) t.true(HELP.includes(name), name);
});
