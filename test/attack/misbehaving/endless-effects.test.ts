// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import test from "ava";

import { temporaryFolder } from "../../lib/processes.ts";
import { endlessEffects } from "./endless-effects.ts";
import type { EndlessShape } from "./endless-script.ts";

/** The proxy's bound of commands that may follow from one command. */
const MAX_DESCENDANTS = 300;

/** Most lines of a proxy's log, start and end included: a few of each message, and how often each was repeated. */
const MAX_LOG_BYTES = 100_000;
const MAX_LOG_LINES = 200;
const MAX_LINE_BYTES = 6_000;

/**
 * The proxy is killed after this many commands: enough that many effects are in progress, and fewer than there are in
 * all.
 */
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
