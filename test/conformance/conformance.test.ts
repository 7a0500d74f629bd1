// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { GROUPS } from "./cases/all.ts";
import { resultLines } from "./cli/report.ts";
import type { Sides } from "./suite/run-cases.ts";
import { runnable } from "./suite/run-cases.ts";
import { startModel, startPair } from "./test-lib/pair.ts";

// Our proxy, in front of the model services on our SDK.

let sides: Sides;
const cleanups: (() => void | Promise<void>)[] = [];

test.before(async () => {
  const scope = { teardown: (cleanup: () => void | Promise<void>) => void cleanups.unshift(cleanup) };
  sides = await startPair(scope, await startModel(scope));
});

test.after.always(async () => {
  for (const cleanup of cleanups) await cleanup();
});

for (const { group, name, run } of runnable(GROUPS)) {
  test.serial(`${group}: ${name}`, async (t) => {
    const verdict = await run(sides);
    const lines = resultLines({ group, name, verdict, durationMs: 0 }, (_style, text) => text);
    t.is(verdict.kind, "passed", lines.join("\n"));
  });
}
