// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import test from "ava";

import { temporaryFolder } from "../../lib/processes.ts";

import { endlessEffects } from "./endless-effects.ts";
import type { EndlessShape } from "./endless-script.ts";

/** What one command may make of itself, as the proxy is set. */
const MAX_DESCENDANTS = 300;

/** A proxy's log of a run, start and end included: a few of each line, and how many more there were. */
const MAX_LOG_BYTES = 100_000;
const MAX_LOG_LINES = 200;
const MAX_LINE_BYTES = 6_000;

/** Enough that many effects are under way, and fewer than there are in all. */
const KILL_AFTER = 50;

const SHAPES: readonly EndlessShape[] = ["one entity", "two entities", "entity and action"];

for (const shape of SHAPES) {
  test(`${shape}: side effects of one command end, however often the proxy is killed, and so do its log lines (I11)`, async (t) => {
    t.timeout(180_000);
    const { runs, effects, undone } = await endlessEffects(t, {
      shape,
      address: `sqlite:${join(temporaryFolder(t), "log.db")}`,
      killAfter: KILL_AFTER,
      watchMs: 30_000,
      env: { PERDURE_MAX_DESCENDANTS: MAX_DESCENDANTS },
    });
    for (const { reports, ...run } of runs) t.log(run, `${reports.length} reports`);
    t.log({ effects, undone });
    const [before, after, rest] = runs;
    t.true(before.commands >= KILL_AFTER);
    t.true(after.ended && rest.ended, "something still follows from the command");
    t.true(effects <= MAX_DESCENDANTS);
    t.is(undone, 0);
    t.is(rest.commands, 0);
    for (const { logBytes, logLines, longestLine, reports } of runs) {
      t.true(logBytes < MAX_LOG_BYTES);
      t.true(logLines < MAX_LOG_LINES);
      t.true(longestLine < MAX_LINE_BYTES);
      t.true(reports.length < 50);
    }
  });
}
