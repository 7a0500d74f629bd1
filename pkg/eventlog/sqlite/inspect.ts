// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { EventLogError } from "../event-log.ts";
import { checkVersions } from "./file.ts";
import { TABLES } from "./schema.ts";
import { RESTORE } from "./sqlite-error.ts";

/**
 * Checks a log with its write-ahead log before anything is written. It uses a read-only connection, because merely
 * closing one that can write would move the write-ahead log into a file that may be damaged.
 *
 * @throws EventLogError `LOG_CORRUPT`, `LOG_TOO_NEW`, or SQLite's own errors.
 */
export function inspectFile(path: string, sqliteFullCheckBytes: number): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const valueOf = (sql: string): unknown => Object.values(database.prepare(sql).get() ?? {})[0];
    checkVersions(path, Number(valueOf("PRAGMA application_id")), Number(valueOf("PRAGMA user_version")));
    const names = TABLES.map((name) => `'${name}'`).join();
    const tables = valueOf(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN (${names})`);
    if (tables !== TABLES.length) throw damaged(path, "a table is missing");
    if (fs.statSync(path).size > sqliteFullCheckBytes) return;
    const finding = valueOf("PRAGMA quick_check(1)");
    if (finding !== "ok") throw damaged(path, String(finding));
  } finally {
    database.close();
  }
}

function damaged(path: string, finding: string): EventLogError {
  return new EventLogError("LOG_CORRUPT", `${path}: the file is damaged (${finding}); ${RESTORE}`);
}
