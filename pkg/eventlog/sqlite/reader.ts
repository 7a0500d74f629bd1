// SPDX-License-Identifier: Apache-2.0

import type { SQLInputValue, StatementSync } from "node:sqlite";
import { DatabaseSync } from "node:sqlite";

import type {
  EntityKey,
  HistoryPage,
  LogRecord,
  Position,
  StoredSnapshot,
  TailRecord,
} from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { LogLimits } from "../limits.ts";
import { CACHE_KIB } from "./schema.ts";
import { translateError } from "./sqlite-error.ts";
import { fromStored, toStored } from "./stored-text.ts";

/** A bounded part of an iteration. */
export interface Page<T> {
  readonly items: readonly T[];
  /** False: there may be more. */
  readonly end: boolean;
}

/**
 * Reads a log's file through its own read-only connection. Each method is synchronous, sees one state of the log and
 * returns one bounded page (I11), so that it blocks the event loop for a bounded time only. All throw EventLogError.
 */
export class Reader {
  readonly #path: string;
  readonly #limits: LogLimits;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(path: string, limits: LogLimits, sqliteBusyTimeoutMs: number) {
    this.#path = path;
    this.#limits = limits;
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { readOnly: true, timeout: sqliteBusyTimeoutMs });
      database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
      this.#statements = prepareStatements(database);
      this.#database = database;
    } catch (thrown) {
      database?.close();
      throw translateError(thrown, path, "opening for reading");
    }
  }

  history(entity: EntityKey, after: Position | undefined): HistoryPage {
    return this.#reading(() => {
      const [key] = first(this.#statements.findEntity, toStored(entity.type), toStored(entity.id)) ?? [];
      if (key === undefined) return { records: [], end: true };
      const found = after === undefined ? first(this.#statements.snapshot, key as number) : undefined;
      const snapshot = found === undefined ? undefined : toRecord(found);
      const from = after ?? snapshot?.position ?? NO_POSITION;
      const rows = rowsOf(this.#statements.records, key as number, from, this.#limits.pageRecords);
      const { items: records, end } = this.#page(rows, toRecord, recordBytes);
      return snapshot === undefined ? { records, end } : { snapshot, records, end };
    });
  }

  last(entity: EntityKey): LogRecord | undefined {
    return this.#reading(() => {
      const row = first(this.#statements.last, toStored(entity.type), toStored(entity.id));
      return row === undefined ? undefined : toRecord(row);
    });
  }

  tail(type: string, from: Position): Page<TailRecord> {
    return this.#reading(() => {
      const rows = rowsOf(this.#statements.tail, toStored(type), from, this.#limits.pageRecords);
      return this.#page(rows, toTailRecord, recordBytes);
    });
  }

  lastOfType(type: string): Position {
    return this.#reading(() => {
      const [position] = first(this.#statements.lastOfType, toStored(type)) ?? [];
      return Number(position ?? NO_POSITION);
    });
  }

  checkpoint(name: string): Uint8Array | undefined {
    return this.#reading(() => {
      const [positions] = first(this.#statements.checkpoint, toStored(name)) ?? [];
      return positions as Uint8Array | undefined;
    });
  }

  /** Ids in SQLite's order. `after` is the last id of the previous page. */
  list(type: string, after: string | undefined): Page<string> {
    return this.#reading(() => {
      // SQLite sorts a number before any text or blob.
      const from = after === undefined ? 0 : toStored(after);
      const rows = rowsOf(this.#statements.list, toStored(type), from, this.#limits.pageRecords);
      return this.#page(rows, ([id]) => fromStored(id), idBytes);
    });
  }

  /** In order of their entities' row numbers. `after` is the last number of the previous page, or 0. */
  snapshots(type: string | undefined, after: number): Page<NumberedSnapshot> {
    return this.#reading(() => {
      const { pageRecords } = this.#limits;
      const rows =
        type === undefined
          ? rowsOf(this.#statements.snapshots, after, pageRecords)
          : rowsOf(this.#statements.snapshotsOfType, toStored(type), after, pageRecords);
      return this.#page(rows, toSnapshot, recordBytes);
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #page<T>(rows: Iterable<Row>, toItem: (row: Row) => T, bytesOf: (item: T) => number): Page<T> {
    const { pageRecords, pageBytes } = this.#limits;
    const items: T[] = [];
    let bytes = 0;
    for (const row of rows) {
      const item = toItem(row);
      items.push(item);
      bytes += bytesOf(item);
      if (bytes >= pageBytes) return { items, end: false };
    }
    return { items, end: items.length < pageRecords };
  }

  #reading<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw translateError(thrown, this.#path, "reading");
    }
  }
}

export interface NumberedSnapshot extends StoredSnapshot {
  /** The row number of the entity. */
  readonly number: number;
}

/** Columns in the order of the query: cheaper than an object for each row. */
type Row = readonly unknown[];

type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>;

const SNAPSHOTS = `
  SELECT snapshot.entity, type.name, entity.id, snapshot.position, snapshot.bytes
  FROM snapshot JOIN entity ON entity.key = snapshot.entity JOIN type ON type.key = entity.type`;

const SQL = {
  findEntity: `
    SELECT entity.key FROM type JOIN entity ON entity.type = type.key WHERE type.name = ? AND entity.id = ?`,
  snapshot: "SELECT position, bytes FROM snapshot WHERE entity = ?",
  records: "SELECT position, bytes FROM record WHERE entity = ? AND position > ? ORDER BY position LIMIT ?",
  last: `
    SELECT record.position, record.bytes
    FROM type JOIN entity ON entity.type = type.key JOIN record ON record.entity = entity.key
    WHERE type.name = ? AND entity.id = ? ORDER BY record.position DESC LIMIT 1`,
  tail: `
    SELECT record.position, record.bytes, entity.id
    FROM record INDEXED BY record_by_type CROSS JOIN entity ON entity.key = record.entity
    WHERE record.type = (SELECT key FROM type WHERE name = ?) AND record.position > ?
    ORDER BY record.position LIMIT ?`,
  lastOfType: "SELECT max(position) FROM record WHERE type = (SELECT key FROM type WHERE name = ?)",
  checkpoint: "SELECT positions FROM checkpoint WHERE name = ?",
  snapshots: `${SNAPSHOTS} WHERE snapshot.entity > ? ORDER BY snapshot.entity LIMIT ?`,
  snapshotsOfType: `${SNAPSHOTS} WHERE type.name = ? AND snapshot.entity > ? ORDER BY snapshot.entity LIMIT ?`,
  list: `
    SELECT id FROM entity
    WHERE type = (SELECT key FROM type WHERE name = ?) AND id > ?
      AND EXISTS (SELECT 1 FROM record WHERE record.entity = entity.key)
    ORDER BY id LIMIT ?`,
} as const;

function prepareStatements(database: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return [name, statement] as const;
  });
  return Object.fromEntries(prepared) as Statements;
}

function toRecord([position, bytes]: Row): LogRecord {
  return { position: position as number, bytes: bytes as Uint8Array };
}

function toTailRecord([position, bytes, id]: Row): TailRecord {
  return { id: fromStored(id), position: position as number, bytes: bytes as Uint8Array };
}

function toSnapshot([number, type, id, position, bytes]: Row): NumberedSnapshot {
  const entity = { type: fromStored(type), id: fromStored(id) };
  return { number: number as number, entity, position: position as number, bytes: bytes as Uint8Array };
}

function rowsOf(statement: StatementSync, ...values: SQLInputValue[]): Iterable<Row> {
  // The types of node:sqlite do not know of `setReturnArrays`.
  return statement.iterate(...values) as Iterable<unknown> as Iterable<Row>;
}

function first(statement: StatementSync, ...values: SQLInputValue[]): Row | undefined {
  return statement.get(...values) as unknown as Row | undefined;
}

function recordBytes(record: LogRecord): number {
  return record.bytes.byteLength;
}

function idBytes(id: string): number {
  return 2 * id.length;
}
