// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import { defaultsOf } from "../settings/mod.ts";

import type {
  EntityKey,
  EventLog,
  HistoryPage,
  LogHealth,
  LogRecord,
  Position,
  StoredSnapshot,
  TailRecord,
} from "./event-log.ts";
import { EventLogError, NO_POSITION } from "./event-log.ts";
import type { LogLimits } from "./limits.ts";
import { appendConflict, checkPartition, checkSettings, checkSize, defaultLimits } from "./limits.ts";
import { MEMORY_LOG_SETTINGS } from "./settings.ts";
import { Wakeup } from "./wakeup.ts";

export type MemoryLogOptions = LogLimits & Values<typeof MEMORY_LOG_SETTINGS>;

const defaultOptions: MemoryLogOptions = { ...defaultLimits, ...defaultsOf(MEMORY_LOG_SETTINGS) };

/** What one record or snapshot costs beside its bytes, roughly: three objects and their places in two arrays. */
const OVERHEAD_BYTES = 200;

/** A log that ends with the process: for tests and for trying things out. `durability` is `memory`. */
export function openMemoryLog(options: Partial<MemoryLogOptions> = {}): EventLog {
  const all = { ...defaultOptions, ...options };
  checkSettings(all);
  return new MemoryLog(all);
}

interface Entity {
  readonly records: LogRecord[];
  snapshot: LogRecord | undefined;
}

interface EntityType {
  readonly entities: Map<string, Entity>;
  readonly records: TailRecord[];
}

class MemoryLog implements EventLog {
  readonly durability = "memory";
  readonly partitions = 1;
  readonly #options: MemoryLogOptions;
  readonly #types = new Map<string, EntityType>();
  readonly #checkpoints = new Map<string, readonly Position[]>();
  readonly #wakeup = new Wakeup();
  #last: Position = NO_POSITION;
  #bytes = 0;
  /** The error of the last append or snapshot if it did not fit, and the bytes that it needed. */
  #full: { readonly error: EventLogError; readonly bytes: number } | undefined;
  #closed = false;

  constructor(options: MemoryLogOptions) {
    this.#options = options;
  }

  get health(): LogHealth {
    if (this.#closed) return { kind: "unusable", error: closedError() };
    const full = this.#full;
    const isFull = full !== undefined && this.#bytes + full.bytes > this.#options.maxMemoryLogBytes;
    return isFull ? { kind: "unusable", error: full.error } : { kind: "usable" };
  }

  partitionOf(): number {
    return 0;
  }

  locate(_entity: EntityKey, position: Position): string {
    return `position ${position} in memory`;
  }

  async read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    this.#checkOpen();
    const found = this.#types.get(entity.type)?.entities.get(entity.id);
    if (found === undefined) return { records: [], end: true };
    const snapshot = after === undefined ? found.snapshot : undefined;
    const from = after ?? snapshot?.position ?? NO_POSITION;
    const page = this.#page(found.records, from);
    return snapshot === undefined ? page : { snapshot: copyOf(snapshot), ...page };
  }

  async readLast(entity: EntityKey): Promise<LogRecord | undefined> {
    this.#checkOpen();
    const last = this.#types.get(entity.type)?.entities.get(entity.id)?.records.at(-1);
    return last === undefined ? undefined : copyOf(last);
  }

  async append(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#store(entity, expected, record);
  }

  async replace(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    const position = this.#store(entity, expected, record);
    this.#forgetBefore(entity, position);
    return position;
  }

  #store(entity: EntityKey, expected: Position, record: Uint8Array): Position {
    this.#checkOpen();
    checkSize(this.#options, entity, record);
    const stored = this.#types.get(entity.type)?.entities.get(entity.id);
    if ((stored?.records.at(-1)?.position ?? NO_POSITION) !== expected)
      throw appendConflict(entity, expected);
    this.#charge(record.byteLength + OVERHEAD_BYTES);

    const type = this.#typeOf(entity.type);
    const kept = { position: ++this.#last, bytes: record.slice() };
    entityOf(type, entity.id).records.push(kept);
    type.records.push({ id: entity.id, ...kept });
    this.#wakeup.notify(entity.type);
    return kept.position;
  }

  async saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void> {
    this.#checkOpen();
    checkSize(this.#options, entity, snapshot);
    const kept = this.#types.get(entity.type)?.entities.get(entity.id)?.snapshot;
    if (kept !== undefined && kept.position > position) return;
    const replaced = kept === undefined ? 0 : kept.bytes.byteLength + OVERHEAD_BYTES;
    this.#charge(snapshot.byteLength + OVERHEAD_BYTES - replaced);
    entityOf(this.#typeOf(entity.type), entity.id).snapshot = { position, bytes: snapshot.slice() };
  }

  async *snapshots(type?: string): AsyncGenerator<StoredSnapshot> {
    this.#checkOpen();
    for (const [name, { entities }] of this.#types) {
      if (type !== undefined && name !== type) continue;
      for (const [id, { snapshot }] of entities) {
        this.#checkOpen();
        if (snapshot !== undefined) yield { entity: { type: name, id }, ...copyOf(snapshot) };
      }
    }
    this.#checkOpen();
  }

  async dropSnapshot({ type, id }: EntityKey): Promise<void> {
    this.#checkOpen();
    const entity = this.#types.get(type)?.entities.get(id);
    if (entity?.snapshot === undefined) return;
    this.#bytes -= entity.snapshot.bytes.byteLength + OVERHEAD_BYTES;
    entity.snapshot = undefined;
  }

  async pack(): Promise<void> {
    this.#checkOpen();
  }

  async *tail(...[type, partition, from, signal]: Parameters<EventLog["tail"]>): AsyncGenerator<TailRecord> {
    checkPartition(partition, this.partitions);
    let position = from;
    while (!signal.aborted) {
      this.#checkOpen();
      const records = this.#types.get(type)?.records ?? [];
      const next = records[firstBehind(records, position)];
      if (next === undefined) {
        await this.#wakeup.wait(type, signal);
        continue;
      }
      position = next.position;
      yield { id: next.id, ...copyOf(next) };
    }
  }

  async *list(type: string): AsyncGenerator<string> {
    this.#checkOpen();
    // A Map's iterator also visits entries that are added during the iteration, and visits none twice.
    for (const [id, entity] of this.#types.get(type)?.entities ?? []) {
      this.#checkOpen();
      if (entity.records.length > 0) yield id;
    }
    this.#checkOpen();
  }

  async lastPosition(type: string, partition: number): Promise<Position> {
    this.#checkOpen();
    checkPartition(partition, this.partitions);
    return this.#types.get(type)?.records.at(-1)?.position ?? NO_POSITION;
  }

  async readCheckpoint(name: string): Promise<readonly Position[] | undefined> {
    this.#checkOpen();
    return this.#checkpoints.get(name);
  }

  async saveCheckpoint(name: string, positions: readonly Position[]): Promise<void> {
    this.#checkOpen();
    this.#checkpoints.set(name, [...positions]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#types.clear();
    this.#wakeup.notifyAll();
  }

  #forgetBefore({ type: name, id }: EntityKey, position: Position): void {
    const type = this.#typeOf(name);
    const { records } = entityOf(type, id);
    for (const old of records.splice(0, firstBehind(records, position - 1))) {
      type.records.splice(firstBehind(type.records, old.position - 1), 1);
      this.#bytes -= old.bytes.byteLength + OVERHEAD_BYTES;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #charge(bytes: number): void {
    const { maxMemoryLogBytes } = this.#options;
    if (this.#bytes + bytes > maxMemoryLogBytes) {
      const text = `the log in memory is full: --max-memory-log-bytes is ${maxMemoryLogBytes}`;
      const error = new EventLogError("LOG_FULL", text);
      this.#full = { error, bytes };
      throw error;
    }
    this.#full = undefined;
    this.#bytes += bytes;
  }

  #typeOf(name: string): EntityType {
    const type = this.#types.get(name) ?? { entities: new Map(), records: [] };
    this.#types.set(name, type);
    return type;
  }

  #page(all: readonly LogRecord[], from: Position): HistoryPage {
    const records: LogRecord[] = [];
    let bytes = 0;
    let index = firstBehind(all, from);
    for (; index < all.length; index++) {
      if (records.length >= this.#options.pageRecords || bytes >= this.#options.pageBytes) break;
      const record = copyOf(all[index] as LogRecord);
      records.push(record);
      bytes += record.bytes.byteLength;
    }
    return { records, end: index >= all.length };
  }
}

function closedError(): EventLogError {
  return new EventLogError("LOG_CLOSED", "the log in memory is closed");
}

function entityOf(type: EntityType, id: string): Entity {
  const entity = type.entities.get(id) ?? { records: [], snapshot: undefined };
  type.entities.set(id, entity);
  return entity;
}

function copyOf(record: LogRecord): LogRecord {
  return { position: record.position, bytes: record.bytes.slice() };
}

/** Index of the first record after the position, by binary search: the records are sorted by position. */
function firstBehind(records: readonly LogRecord[], position: Position): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((records[middle] as LogRecord).position > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
