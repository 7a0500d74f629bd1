// SPDX-License-Identifier: Apache-2.0

/**
 * A process that tests run on a disk that fails. It appends until an append fails and removes the file `ballast`
 * beside the log, if there is one. Then it appends until twenty more are acknowledged (or a hundred have failed), and
 * prints the results as JSON.
 */

import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { EventLog } from "../../event-log.ts";
import { EventLogError, NO_POSITION } from "../../event-log.ts";
import { openSqliteLog } from "../log.ts";

const [path = ""] = process.argv.slice(2);
const entity = { type: "cart", id: "ann" };
const options = { checkpointPages: 100_000, maxWalPages: 100_000, pageRecords: 100_000, reopenDelayMs: 1 };

const log = await openSqliteLog(path, options);
const codes: string[] = [];
let acknowledged = 0;
while (codes.length === 0) await appendNext(log);
fs.rmSync(join(dirname(path), "ballast"), { force: true });
for (const until = acknowledged + 20; acknowledged < until && codes.length < 100; ) {
  const before = codes.length;
  await appendNext(log);
  if (codes.length > before) await delay(20);
}
const { records } = await log.read(entity);
const stored = records.map((record) => new TextDecoder().decode(record.bytes));
await log.close();
fs.writeSync(1, JSON.stringify({ acknowledged, codes, stored }));

/**
 * Reads the entity first: whatever the outcome of the last append was, only a read tells which position the next one
 * follows (I5).
 */
async function appendNext(log: EventLog): Promise<void> {
  try {
    const { records } = await log.read(entity);
    const text = `record ${records.length}`;
    await log.append(entity, records.at(-1)?.position ?? NO_POSITION, new TextEncoder().encode(text));
    acknowledged++;
  } catch (thrown) {
    codes.push(thrown instanceof EventLogError ? thrown.code : String(thrown));
  }
}
