// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { HELP, parseOptions } from "./options.ts";

const ANY_SEED = 42;

test("without arguments: twenty minutes, any seed, what the seed chooses", (t) => {
  t.deepEqual(parseOptions([], ANY_SEED), {
    kind: "run",
    options: {
      minutes: 20,
      rounds: undefined,
      seed: ANY_SEED,
      scenario: undefined,
      replicas: undefined,
      maxPauseMs: undefined,
    },
  });
});

test("every option is taken, and npm's -- is not one", (t) => {
  const args = "-- --minutes 0.5 --rounds 3 --seed 7 --scenario network --replicas 3 --max-pause 50".split(
    " ",
  );
  t.deepEqual(parseOptions(args, ANY_SEED), {
    kind: "run",
    options: { minutes: 0.5, rounds: 3, seed: 7, scenario: "network", replicas: 3, maxPauseMs: 50 },
  });
});

test("what makes no sense is told with what would", (t) => {
  const wrong = {
    "--minutes 0": "--minutes takes a number above 0 and up to 1440",
    "--minutes soon": "--minutes takes a number above 0 and up to 1440",
    "--rounds 1.5": "--rounds takes a whole number above 0",
    "--seed -1": undefined,
    "--seed many": "--seed takes a whole number from 0 to 4294967295",
    "--scenario rain":
      'there is no scenario "rain"; there are mixed, crashes, pauses, network, rivals, cluster, rolling',
    "--replicas 2": "--replicas takes 1 or 3",
    "--max-pause little": "--max-pause takes milliseconds",
    "--fast": undefined,
  };
  for (const [args, text] of Object.entries(wrong)) {
    const parsed = parseOptions(args.split(" "), ANY_SEED);
    if (parsed.kind !== "wrong") t.fail(args);
    else if (text !== undefined) t.is(parsed.text, text);
  }
});

test("the help names every option and every scenario", (t) => {
  t.deepEqual(parseOptions(["--help"], ANY_SEED), { kind: "help" });
  for (const name of ["--minutes", "--rounds", "--seed", "--scenario", "--replicas", "--max-pause", "mixed"])
    t.true(HELP.includes(name));
});
