// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import test from "ava";

import { bench } from "./test-lib/quick-run.ts";

test("wrong usage and a file that cannot be written are told apart by the exit code", async (t) => {
  const wrong = await bench("--callers", "none");
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /--callers .* whole numbers/);
  const unwritable = await bench("--json", join(import.meta.dirname, "no-such-folder", "rows.jsonl"));
  t.is(unwritable.code, 1);
  t.regex(unwritable.stderr, /no-such-folder/);
  const help = await bench("--help");
  t.is(help.code, 0);
  t.regex(help.stdout, /--json <file>/);
});
