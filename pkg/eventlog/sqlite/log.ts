// SPDX-License-Identifier: Apache-2.0

import { resolve } from "node:path";

import { assert, toError } from "../../base/mod.ts";

import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint.ts";
import type {
  EntityKey,
  EventLog,
  HistoryPage,
  LogHealth,
  LogRecord,
  Position,
  StoredSnapshot,
  TailRecord,
} from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { Health } from "../health.ts";
import { checkPartition, checkSettings, checkSize } from "../limits.ts";
import { Wakeup } from "../wakeup.ts";
import type { Batch, BatchOutcome, Operation, OperationKind } from "./batch.ts";
import { APPEND, CHECKPOINT, DROP_SNAPSHOT, REPLACE, SNAPSHOT } from "./batch.ts";
import { CommitQueue } from "./commit-queue.ts";
import { ConnectionKeeper } from "./connection.ts";
import { filesForAll, prepareFile } from "./file.ts";
import type { FileLock } from "./lock.ts";
import { lockFile } from "./lock.ts";
import type { SqliteLogOptions } from "./options.ts";
import { defaultSqliteOptions } from "./options.ts";
import { checkExists, settlePath } from "./path.ts";
import { ReadTurns } from "./read-turns.ts";
import type { NumberedSnapshot, Page, Reader } from "./reader.ts";
import type { CreateWorker } from "./writer-link.ts";
import { createWriterWorker } from "./writer-link.ts";

/** A log in a SQLite file. `durability` is `fsync-one-node`. */
export interface SqliteLog extends EventLog {
  readonly stats: SqliteLogStats;
}

/** Since the log was opened. */
interface SqliteLogStats {
  /** Batches that were committed: one fsync each, unless every append of it was refused. */
  readonly commits: number;
  /** Operations in them (records, snapshots, checkpoints), including those that were refused. */
  readonly operations: number;
}

/**
 * Opens the log in a file, and makes the file and its folder if they are not there. The file is locked against every
 * other opener until `close` or the end of the process. An open log keeps the process alive.
 *
 * @throws EventLogError `LOG_LOCKED`, `LOG_CORRUPT`, `LOG_TOO_NEW`, `LOG_FULL`, `LOG_UNAVAILABLE`, `LOG_UNUSABLE` if
 * something other than a regular file is there, or `LOG_BAD_ADDRESS` for a setting that makes no sense.
 */
export async function openSqliteLog(
  path: string,
  options: Partial<SqliteLogOptions> = {},
  createWorker: CreateWorker = createWriterWorker,
): Promise<SqliteLog> {
  const all: SqliteLogOptions = { ...defaultSqliteOptions, ...options };
  checkSettings(all, ["maxSqliteLogBytes"]);
  if (all.mustExist) checkExists(resolve(path));
  const settled = settlePath(resolve(path));
  const lock = lockFile(settled);
  try {
    prepareFile(settled);
    const keeper = new ConnectionKeeper(settled, all, createWorker);
    const { writer } = await keeper.start();
    const files = filesForAll(settled);
    const { logger } = all.telemetry;
    if (files.length > 0)
      logger.warn("event log: every user of this machine may read it, change that with chmod 600", { files });
    const { durability } = await writer.started();
    logger.info("event log: open", { path: settled, ...durability });
    return new LogInFile(settled, all, keeper, lock);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

/**
 * Writes go through `CommitQueue` to the writer thread; reads run in turns on the log's own. If the writer is lost, its
 * batch fails with `OUTCOME_UNKNOWN`, and operations that wait go to the next one (`ConnectionKeeper`).
 */
class LogInFile implements SqliteLog {
  readonly durability = "fsync-one-node";
  readonly partitions = 1;
  readonly #path: string;
  readonly #options: SqliteLogOptions;
  readonly #keeper: ConnectionKeeper;
  readonly #lock: FileLock;
  readonly #queue: CommitQueue;
  readonly #turns: ReadTurns;
  readonly #wakeup = new Wakeup();
  readonly #health: Health;
  #stats = { commits: 0, operations: 0 };
  #closed: Promise<void> | undefined;

  constructor(path: string, options: SqliteLogOptions, keeper: ConnectionKeeper, lock: FileLock) {
    this.#path = path;
    this.#options = options;
    this.#keeper = keeper;
    this.#lock = lock;
    this.#queue = new CommitQueue(
      options,
      (batch) => this.#commit(batch),
      (operations) => this.#announce(operations),
    );
    this.#turns = new ReadTurns(options.clock, options.readSliceMs, options.maxPendingReads);
    const check = (_partition: number, isSuspected: boolean) =>
      this.#queue.between(() => this.#keeper.check(isSuspected));
    // Nothing is hidden from checks, because a thorough check writes as an append does and meets the same failures.
    this.#health = new Health(this.partitions, { ...options, check, hidden: [] });
  }

  get health(): LogHealth {
    return this.#health.current;
  }

  get stats(): SqliteLogStats {
    return { ...this.#stats };
  }

  partitionOf(): number {
    return 0;
  }

  locate(_entity: EntityKey, position: Position): string {
    return `position ${position} of the file ${this.#path}`;
  }

  async read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    return this.#read((reader) => reader.history(entity, after));
  }

  async readLast(entity: EntityKey): Promise<LogRecord | undefined> {
    return this.#read((reader) => reader.last(entity));
  }

  append(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#store(APPEND, entity, expected, record);
  }

  replace(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#store(REPLACE, entity, expected, record);
  }

  async saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkSize(this.#options, entity, snapshot);
    // SQLite would refuse the whole batch because of one invalid position.
    assert(Number.isSafeInteger(position), "a position is a whole number");
    await this.#queue.add({ kind: SNAPSHOT, entity, position, bytes: snapshot });
  }

  async *snapshots(type?: string): AsyncGenerator<StoredSnapshot> {
    const snapshots = this.#pages<NumberedSnapshot>((reader, last) =>
      reader.snapshots(type, last?.number ?? 0),
    );
    for await (const { entity, position, bytes } of snapshots) yield { entity, position, bytes };
  }

  async dropSnapshot(entity: EntityKey): Promise<void> {
    await this.#store(DROP_SNAPSHOT, entity, NO_POSITION, NO_BYTES);
  }

  /** Does nothing, because a read costs no more than its records. */
  async pack(): Promise<void> {
    this.#checkOpen();
  }

  async *tail(...[type, partition, from, signal]: Parameters<EventLog["tail"]>): AsyncGenerator<TailRecord> {
    checkPartition(partition, this.partitions);
    let position = from;
    while (!signal.aborted) {
      const { items, news } = await this.#read((reader) => {
        // Reads and begins to wait in one synchronous step, so that no commit falls between the two.
        const found = reader.tail(type, position).items;
        return { items: found, news: found.length > 0 ? undefined : this.#wakeup.wait(type, signal) };
      });
      for (const record of items) {
        if (signal.aborted) return;
        this.#checkOpen();
        position = record.position;
        yield record;
      }
      await news;
    }
  }

  list(type: string): AsyncIterable<string> {
    return this.#pages((reader, last) => reader.list(type, last));
  }

  async lastPosition(type: string, partition: number): Promise<Position> {
    checkPartition(partition, this.partitions);
    return this.#read((reader) => reader.lastOfType(type));
  }

  async readCheckpoint(name: string): Promise<readonly Position[] | undefined> {
    const found = await this.#read((reader) => reader.checkpoint(name));
    return found === undefined ? undefined : decodeCheckpoint(name, found);
  }

  async saveCheckpoint(name: string, positions: readonly Position[]): Promise<void> {
    await this.#store(CHECKPOINT, { type: "", id: name }, NO_POSITION, encodeCheckpoint(positions));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#wakeup.notifyAll();
    this.#health.stop();
    await this.#queue.settled();
    await this.#keeper.close();
    this.#lock.release();
  }

  /** Not `async`, nor are its callers, because each would cost every append a promise and a turn of the microtasks. */
  #store(kind: OperationKind, entity: EntityKey, position: Position, bytes: Uint8Array): Promise<Position> {
    try {
      this.#checkOpen();
      checkSize(this.#options, entity, bytes);
    } catch (thrown) {
      return Promise.reject(toError(thrown));
    }
    return this.#queue.add({ kind, entity, position, bytes });
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new EventLogError("LOG_CLOSED", `${this.#path}: the log is closed`);
  }

  async #commit(batch: Batch): Promise<BatchOutcome> {
    try {
      const { writer } = await this.#keeper.get();
      const outcome = await writer.commit(batch);
      for (const position of outcome) this.#keeper.acknowledge(position);
      this.#health.worked(0);
      return outcome;
    } catch (thrown) {
      if (thrown instanceof EventLogError) this.#health.failed(0, thrown);
      throw thrown;
    }
  }

  #announce(operations: readonly Operation[]): void {
    this.#stats.commits++;
    this.#stats.operations += operations.length;
    for (const { kind, entity } of operations)
      if (kind === APPEND || kind === REPLACE) this.#wakeup.notify(entity.type);
  }

  /** The items of all pages. `read` gets the last item of the previous page. */
  async *#pages<T>(read: (reader: Reader, last: T | undefined) => Page<T>): AsyncGenerator<T> {
    let last: T | undefined;
    for (let end = false; !end; ) {
      const page = await this.#read((reader) => read(reader, last));
      for (const item of page.items) {
        this.#checkOpen();
        yield item;
      }
      last = page.items.at(-1) ?? last;
      end = page.end;
    }
  }

  async #read<T>(work: (reader: Reader) => T): Promise<T> {
    for (;;) {
      this.#checkOpen();
      const current = await this.#keeper.get();
      // The connection may be replaced while the read waits for its turn; then it is made on the new one.
      const done = await this.#turns.run(() =>
        this.#keeper.isCurrent(current) ? { value: work(current.reader) } : undefined,
      );
      if (done !== undefined) return done.value;
    }
  }
}

const NO_BYTES = new Uint8Array();
