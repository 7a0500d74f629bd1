// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import type { StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

import type { EntityKey, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { Batch, BatchOutcome, Operation } from "./batch.ts";
import { CHECKPOINT, CONFLICT, DROP_SNAPSHOT, REPLACE, SNAPSHOT, unpackBatch } from "./batch.ts";
import { preallocateWal } from "./file.ts";
import { inspectFile } from "./inspect.ts";
import type { KnownEntity } from "./last-positions.ts";
import { LastPositions } from "./last-positions.ts";
import type { ExpectedFile, FileIdentity, FilesState } from "./open-files.ts";
import { checkIdentity, OpenFiles } from "./open-files.ts";
import type { WriterSettings } from "./options.ts";
import { checkPlaces } from "./path.ts";
import { CACHE_KIB, CHECKPOINT_TABLE, PAGE_BYTES } from "./schema.ts";
import { isFileError, translateCommitError, translateError } from "./sqlite-error.ts";
import { toStored } from "./stored-text.ts";
import { checkWal } from "./wal-check.ts";
import type { DurabilityReport, WriterState } from "./writer-protocol.ts";

/**
 * The only writer of a log's file.
 *
 * 1. A batch is one transaction and one fsync; `commit` returns after the fsync. Readers see a batch only after its
 *    fsync, because SQLite moves the end of the write-ahead log last.
 * 2. When the log is opened, the contents of the write-ahead log are moved into the file and fsynced before any
 *    reader starts. Otherwise readers could see records that a killed process had written but not fsynced.
 * 3. Each append of a batch is checked by itself against its entity's last position (I3). A conflict fails only that
 *    append.
 * 4. If `commit` throws, nothing of the batch is stored, unless the code is `OUTCOME_UNKNOWN`. `state` then tells
 *    whether the writer can still be used. If it is `lost`, only opening the file again shows what was stored (I5).
 * 5. The constructor throws unless `PRAGMA` confirms that the write-ahead log and `synchronous = FULL` are in force.
 * 6. After each commit it checks that the path still leads to the files that it wrote to, because a deleted file
 *    takes writes as before. A batch that was written to other files is not acknowledged.
 * 7. A write by another connection is noticed within the transaction (`data_version`). So the fence (the check of the
 *    expected position) holds even if someone removed the lock (I3).
 */
export class Writer {
  readonly durability: DurabilityReport;
  readonly #path: string;
  readonly #walBytes: number;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  readonly #cache: LastPositions;
  readonly #files: OpenFiles;
  #last: Position;
  #dataVersion: unknown;
  #state: WriterState = "sound";

  /** @param expected The file that has to be there, if it was open before. */
  constructor(path: string, settings: WriterSettings, expected?: ExpectedFile) {
    this.#path = path;
    this.#walBytes = settings.maxWalPages * PAGE_BYTES;
    this.#cache = new LastPositions(settings.cachedEntities);
    let database: DatabaseSync | undefined;
    try {
      const identity = checkIdentity(path, expected?.identity);
      // Anything that replaced a file since it was last open, such as a FIFO, could block this thread for ever.
      checkPlaces(path);
      checkWal(path);
      inspectFile(path, settings.sqliteFullCheckBytes);
      database = new DatabaseSync(existing(path), {
        timeout: settings.sqliteBusyTimeoutMs,
        enableForeignKeyConstraints: false,
      });
      this.durability = openForWriting(database, path, settings);
      this.#statements = prepareStatements(database);
      this.#last = this.#lastStored();
      checkEnd(path, this.#last, expected?.position ?? NO_POSITION);
      this.#dataVersion = this.#statements.dataVersion.get()?.["data_version"];
      this.#files = new OpenFiles(path, identity);
      this.#database = database;
    } catch (thrown) {
      database?.close();
      throw translateError(thrown, path, "opening");
    }
  }

  get state(): WriterState {
    return this.#state;
  }

  get file(): FileIdentity {
    return this.#files.database;
  }

  /** @throws EventLogError (4). */
  commit(batch: Batch): BatchOutcome {
    const outcome: number[] = [];
    this.#transact(() => unpackBatch(batch, (operation) => outcome.push(this.#write(operation))));
    const files = this.#heed(this.#files.look());
    if (files.kind === "in place") return outcome;
    const text = `${files.error.message}; a batch was written meanwhile`;
    throw new EventLogError("OUTCOME_UNKNOWN", text, { cause: files.error });
  }

  /** @param thorough It writes, and removes what it wrote. @throws EventLogError what a batch would meet. */
  check(thorough: boolean): void {
    const files = this.#heed(this.#files.lookAtAll());
    if (files.kind !== "in place") throw files.error;
    try {
      fs.accessSync(this.#path, fs.constants.W_OK);
    } catch (thrown) {
      // Other permissions than those of the file system were checked when the file was opened.
      if (isFileError(thrown, "EROFS")) throw translateError(thrown, this.#path, "checking it");
    }
    if (!thorough) return;
    this.#transact(() => {
      this.#statements.addCheck.run(CHECK_BYTES);
      this.#statements.removeCheck.run();
    });
  }

  /** Pages in the write-ahead log that are not yet in the file. */
  walPages(): number {
    const state = this.#statements.walState.get();
    return Number(state?.["log"] ?? 0) - Number(state?.["checkpointed"] ?? 0);
  }

  /** Moves the write-ahead log into the file. @throws EventLogError and loses nothing. */
  checkpoint(): void {
    try {
      this.#statements.checkpoint.run();
    } catch (thrown) {
      throw translateError(thrown, this.#path, "emptying the write-ahead log");
    }
  }

  /** Makes the first commits faster. Must be called before any commit, while the write-ahead log is empty. */
  preallocate(): void {
    preallocateWal(this.#path, this.#walBytes);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #heed(files: FilesState): FilesState {
    this.#state = STATES[files.kind];
    return files;
  }

  /** @throws EventLogError (4). */
  #transact(work: () => void): void {
    const last = this.#last;
    try {
      this.#statements.begin.run();
      this.#noticeOthers();
      work();
    } catch (thrown) {
      this.#forget(last);
      throw translateError(thrown, this.#path, "writing");
    }
    try {
      this.#statements.commit.run();
    } catch (thrown) {
      this.#forget(last);
      const error = translateCommitError(thrown, this.#path);
      if (error.code === "OUTCOME_UNKNOWN") this.#state = "lost";
      throw error;
    }
  }

  #noticeOthers(): void {
    const version = this.#statements.dataVersion.get()?.["data_version"];
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#cache.clear();
    this.#last = this.#lastStored();
  }

  #lastStored(): Position {
    return Number(this.#statements.lastPosition.get()?.["last"] ?? NO_POSITION);
  }

  #write({ kind, entity, position, bytes }: Operation): number {
    if (kind === CHECKPOINT) {
      this.#statements.saveCheckpoint.run(toStored(entity.id), bytes);
      return NO_POSITION;
    }
    const known = this.#find(entity);
    if (kind === SNAPSHOT) {
      this.#statements.saveSnapshot.run((known ?? this.#create(entity)).key, position, bytes);
      return NO_POSITION;
    }
    if (kind === DROP_SNAPSHOT) {
      if (known !== undefined) this.#statements.dropSnapshot.run(known.key);
      return NO_POSITION;
    }
    if ((known?.last ?? NO_POSITION) !== position) return CONFLICT;
    const writable = known ?? this.#create(entity);
    const next = this.#last + 1;
    this.#statements.append.run(writable.key, next, writable.type, bytes);
    if (kind === REPLACE) this.#statements.forgetBefore.run(writable.key, next);
    this.#last = next;
    writable.last = next;
    return next;
  }

  #find(entity: EntityKey): KnownEntity | undefined {
    const cached = this.#cache.get(entity);
    if (cached !== undefined) return cached;
    const row = this.#statements.findEntity.get(toStored(entity.type), toStored(entity.id));
    if (row === undefined) return undefined;
    const found = {
      key: Number(row["key"]),
      type: Number(row["type"]),
      last: Number(row["last"] ?? NO_POSITION),
    };
    this.#cache.set(entity, found);
    return found;
  }

  #create(entity: EntityKey): KnownEntity {
    const name = toStored(entity.type);
    this.#statements.addType.run(name);
    const type = Number(this.#statements.findType.get(name)?.["key"]);
    const key = Number(this.#statements.addEntity.run(type, toStored(entity.id)).lastInsertRowid);
    const created = { key, type, last: NO_POSITION };
    this.#cache.set(entity, created);
    return created;
  }

  /** Undoes what a failed batch changed in memory, and rolls its transaction back. */
  #forget(last: Position): void {
    this.#cache.clear();
    this.#last = last;
    // SQLite rolls back some failed transactions by itself. If this rollback fails, so does the next BEGIN.
    if (!this.#database.isTransaction) return;
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // The caller has a better error to report.
    }
  }
}

const STATES: Readonly<Record<FilesState["kind"], WriterState>> = {
  "in place": "sound",
  displaced: "displaced",
  "lost beside": "lost",
};

/** @throws EventLogError `LOG_UNUSABLE` if the file lacks an acknowledged record. */
function checkEnd(path: string, last: Position, acknowledged: Position): void {
  if (last >= acknowledged) return;
  const text =
    `${path}: the file ends at position ${last}, and ${acknowledged} was acknowledged: it is another file, or it lost ` +
    "records; restore a copy and restart";
  throw new EventLogError("LOG_UNUSABLE", text);
}

/** Bytes that a thorough check writes: about as many as a usual batch adds to the file. */
const CHECK_BYTES = 16_384;

/** The path as a URL that forbids SQLite to make the file if it is missing. */
function existing(path: string): URL {
  const url = pathToFileURL(path);
  url.searchParams.set("mode", "rw");
  return url;
}

function openForWriting(database: DatabaseSync, path: string, settings: WriterSettings): DurabilityReport {
  const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  // Apple's fsync does not reach the disk; elsewhere the two fullfsync settings change nothing.
  database.exec(
    "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1; " +
      `PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -${CACHE_KIB}; ` +
      // Twice the bound leaves room for the batch that exceeds it, because growing again and again is slow.
      `PRAGMA journal_size_limit = ${2 * settings.maxWalPages * PAGE_BYTES}`,
  );
  if (settings.maxSqliteLogBytes > 0) {
    const pages = Math.max(1, Math.floor(settings.maxSqliteLogBytes / Number(pragma("page_size"))));
    database.exec(`PRAGMA max_page_count = ${pages}`);
  }
  const emptied = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  if (emptied?.["busy"] !== 0) {
    throw new EventLogError("LOG_UNAVAILABLE", `${path}: another program holds a lock on the file`);
  }
  // Fails now rather than at the first append if the file cannot be written.
  database.exec(`BEGIN IMMEDIATE; ${CHECKPOINT_TABLE} COMMIT`);
  const durability = {
    journalMode: String(pragma("journal_mode")),
    synchronous: Number(pragma("synchronous")),
  };
  checkDurability(path, durability);
  return durability;
}

/** @throws EventLogError `LOG_UNAVAILABLE` unless a commit is fsynced before it returns. */
export function checkDurability(path: string, { journalMode, synchronous }: DurabilityReport): void {
  if (journalMode === "wal" && synchronous === 2) return;
  const text =
    `${path}: SQLite does not grant durable commits here (journal_mode ${journalMode}, synchronous ${synchronous}); ` +
    "put the log on a local file system";
  throw new EventLogError("LOG_UNAVAILABLE", text);
}

type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  findEntity: `
    SELECT entity.key, entity.type,
      (SELECT max(position) FROM record WHERE record.entity = entity.key) AS last
    FROM type JOIN entity ON entity.type = type.key WHERE type.name = ? AND entity.id = ?`,
  addType: "INSERT INTO type (name) VALUES (?) ON CONFLICT DO NOTHING",
  findType: "SELECT key FROM type WHERE name = ?",
  addEntity: "INSERT INTO entity (type, id) VALUES (?, ?)",
  append: "INSERT INTO record (entity, position, type, bytes) VALUES (?, ?, ?, ?)",
  forgetBefore: "DELETE FROM record WHERE entity = ? AND position < ?",
  saveSnapshot: `
    INSERT INTO snapshot (entity, position, bytes) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET position = excluded.position, bytes = excluded.bytes
    WHERE excluded.position >= snapshot.position`,
  dropSnapshot: "DELETE FROM snapshot WHERE entity = ?",
  saveCheckpoint: `
    INSERT INTO checkpoint (name, positions) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET positions = excluded.positions`,
  lastPosition: `
    SELECT max((SELECT max(position) FROM record WHERE record.type = type.key)) AS last FROM type`,
  // The name is a number, which no checkpoint of a reader has for its name.
  addCheck: "INSERT INTO checkpoint (name, positions) VALUES (0, zeroblob(?))",
  removeCheck: "DELETE FROM checkpoint WHERE name = 0",
  dataVersion: "PRAGMA data_version",
  walState: "PRAGMA wal_checkpoint(NOOP)",
  checkpoint: "PRAGMA wal_checkpoint(PASSIVE)",
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => [name, database.prepare(sql)] as const);
  return Object.fromEntries(prepared) as Statements;
}
