// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { SentCommand } from "./account.ts";
import { account, describeAccount } from "./account.ts";

const sent = (mark: string, failure?: string): SentCommand => ({
  mark,
  sentMs: 0,
  answeredMs: 10,
  failure,
});

test("what was acknowledged and is there once is right; what failed may be there once", (t) => {
  const commands = [sent("a"), sent("b"), sent("c", "503"), sent("d", "503"), sent("e", "reset")];
  const found = account(commands, new Map([["a", 1], ["b", 1], ["c", 1]])); // biome-ignore format: a table
  t.like(found, {
    sent: 5,
    acknowledged: 2,
    failed: 3,
    failedButStored: 1,
    lost: [],
    doubled: [],
    foreign: [],
  });
  t.deepEqual(found.failures, { "503": 2, reset: 1 });
  t.is(
    describeAccount(found),
    "5 commands: 2 acknowledged (the slowest after 10 ms), 3 failed (2 × 503; 1 × reset), of these 1 stored; " +
      "0 lost, 0 doubled, 0 foreign",
  );
});

test("failures that differ in addresses and times alone are counted as one", (t) => {
  const commands = [
    sent("a", "dial tcp 10.0.0.1:80: refused\n"),
    sent("b", "dial tcp 10.0.0.2:8013: refused"),
  ];
  t.deepEqual(account(commands, new Map()).failures, { "dial tcp …: refused": 2 });
});

test("a lost, a doubled and a foreign command are seen, the doubled one even if it failed", (t) => {
  const commands = [sent("a"), sent("b"), sent("c", "503")];
  const found = account(commands, new Map([["b", 2], ["c", 2], ["x", 1]])); // biome-ignore format: a table
  t.deepEqual(found.lost, ["a"]);
  t.deepEqual(found.doubled, ["b", "c"]);
  t.deepEqual(found.foreign, ["x"]);
});
