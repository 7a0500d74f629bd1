// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { processMeter, usedOfStatus } from "./memory.ts";

test("a process's own memory is what is no file", (t) => {
  const status =
    "VmRSS:\t   90000 kB\nRssAnon:\t   50000 kB\nRssFile:\t   39000 kB\nRssShmem:\t    1000 kB\n";
  t.is(usedOfStatus(status), 51_000 * 1_024);
  t.is(usedOfStatus("Name:\tnode\nState:\tZ (zombie)\n"), undefined);
});

const linuxTest = process.platform === "linux" ? test : test.skip;

linuxTest("the memory of a running process is read, and that of none is not", (t) => {
  t.true((processMeter(process.pid).usedBytes() ?? 0) > 1_000_000);
  t.is(processMeter(2 ** 30).usedBytes(), undefined);
});
