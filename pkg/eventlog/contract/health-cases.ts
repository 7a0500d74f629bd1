// SPDX-License-Identifier: Apache-2.0

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { systemClock } from "../../base/mod.ts";

import type { EventLog, LogHealth } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { ContractCase } from "./harness.ts";
import { ann, appendAll, bob, bytes, refused } from "./harness.ts";

/** How long a log may take to notice a change, in milliseconds, if its `patienceMs` is unset. */
const PATIENCE_MS = 30_000;

export const healthCases: readonly ContractCase[] = [
  {
    title: "(12) a log is usable from the start, and stays so when it refuses an append for its own sake",
    limits: { maxRecordBytes: 1_000 },
    async run({ log }) {
      assert.equal(log.health.kind, "usable");
      await appendAll(log, ann, [bytes("a"), bytes("b")]);
      await refused(log.append(ann, NO_POSITION, bytes("x")), "APPEND_CONFLICT");
      assert.equal(log.health.kind, "usable");
      await refused(log.append(bob, NO_POSITION, new Uint8Array(1_001)), "RECORD_TOO_LARGE");
      assert.equal(log.health.kind, "usable");
    },
  },
  {
    title:
      "(12) a log that takes no appends says so by itself with what they meet, and when it takes them again",
    async run({ log, trouble, patienceMs }, leaveOut) {
      if (trouble === undefined) return leaveOut("trouble");
      const last = await log.append(ann, NO_POSITION, bytes("a"));
      await trouble.begin();
      const { code } = trouble;
      await health(log, (now) => now.kind === "unusable" && now.error.code === code, patienceMs);
      await trouble.end();
      await health(log, (now) => now.kind === "usable", patienceMs);
      await log.append(ann, last, bytes("b"));
    },
  },
  {
    title: "(9, 12) a closed log is unusable",
    async run({ log }) {
      await log.close();
      const { health: closed } = log;
      assert.equal(closed.kind === "unusable" && closed.error.code, "LOG_CLOSED");
    },
  },
];

async function health(
  log: EventLog,
  isRight: (now: LogHealth) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + patienceMs;
  while (!isRight(log.health)) {
    const seen = JSON.stringify(log.health);
    assert.ok(
      systemClock.monotonicMs() < endMs,
      `the log did not say it within ${patienceMs} ms, but ${seen}`,
    );
    await delay(5);
  }
}
