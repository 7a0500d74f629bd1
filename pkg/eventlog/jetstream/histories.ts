// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, HistoryPage, LogRecord, Position } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { checkBackPointers, packTooNew, recordUnreadable } from "./back-pointers.ts";
import type { Place, Source } from "./layout.ts";
import type { JetStreamLogOptions } from "./options.ts";
import type { Pack } from "./pack.ts";
import { endOf, sizeOf } from "./pack.ts";
import type { PackStore } from "./pack-store.ts";
import type { PageBounds, Reader, StoredMessage } from "./reader.ts";
import { staleRead } from "./reader.ts";

/**
 * Reads the history of one entity, and returns it only if it is complete (I6).
 *
 * 1. Each record's back pointer (`back-pointers.ts`) names the entity's previous record. That of the first record
 *    names the snapshot's position, or none.
 * 2. The last record is there. If the server has it but cannot read it, the read fails, so that the entity does not
 *    look younger, or new.
 * 3. A snapshot or a pack (a copy of records, `pack.ts`) covers records that are there. One that is newer than the
 *    last record is refused.
 * 4. A pack changes only how fast a history is read, because its contents were read by these rules.
 *
 * These rules cannot find that a stream lost its newest records if no snapshot or pack covers them.
 */
export class Histories {
  readonly #reader: Reader;
  readonly #packs: PackStore;
  readonly #options: JetStreamLogOptions;
  readonly #page: PageBounds;

  constructor(reader: Reader, packs: PackStore, options: JetStreamLogOptions) {
    this.#reader = reader;
    this.#packs = packs;
    this.#options = options;
    this.#page = { records: options.pageRecords, bytes: options.pageBytes };
  }

  /** Takes one round trip if the pack has all records or all but the last, or if there is no pack and one record. */
  async read(entity: EntityKey, place: Place, after?: Position): Promise<HistoryPage> {
    if (after !== undefined) return this.#behind(entity, place.events, after, this.#page);
    const [last, { pack }] = await Promise.all([
      this.#last(entity, place.events),
      this.#packs.find(entity, place),
    ]);
    const page = await this.#unpack(entity, place, pack, last);
    return pack.snapshot === undefined ? page : { snapshot: pack.snapshot, ...page };
  }

  /** The newest record; also for entities whose records are replaced. */
  async last(entity: EntityKey, { events }: Place): Promise<LogRecord | undefined> {
    const found = await this.#last(entity, events);
    return found === undefined ? undefined : toRecord(found);
  }

  /** Packs the history if at least `packRecords` records are not packed yet and all of them fit. */
  async pack(entity: EntityKey, place: Place): Promise<void> {
    const { packRecords, maxPackBytes: bytes, pageRecords: records } = this.#options;
    const [last, found] = await Promise.all([
      this.#last(entity, place.events),
      this.#packs.find(entity, place),
    ]);
    const { pack } = found;
    const from = endOf(pack);
    // If the pack is newer than the last record, the next read reports it.
    if (last === undefined || last.sequence <= from) return;
    if (last.follows === from && packRecords > 1) return;
    const bounds = { records: records - pack.records.length, bytes: bytes - sizeOf(pack) };
    if (bounds.records <= 0 || bounds.bytes <= 0) return;
    const rest = await this.#behind(entity, place.events, from, bounds, last.sequence);
    if (!rest.end || rest.records.length < packRecords) return;
    const whole = { snapshot: pack.snapshot, records: [...pack.records, ...rest.records] };
    if (sizeOf(whole) <= bytes) await this.#packs.replace(entity, place, found, whole);
  }

  async #unpack(
    entity: EntityKey,
    place: Place,
    pack: Pack,
    last: StoredMessage | undefined,
  ): Promise<HistoryPage> {
    const from = endOf(pack);
    const isPackAhead = (last?.sequence ?? NO_POSITION) < from;
    const newest = isPackAhead ? await this.#lastNotBefore(entity, place, from) : last;
    const records: LogRecord[] = [];
    const left = { ...this.#page };
    const isFull = (): boolean => left.records <= 0 || left.bytes <= 0;
    for (const record of pack.records) {
      if (isFull()) return { records, end: false };
      records.push(record);
      left.records--;
      left.bytes -= record.bytes.byteLength;
    }
    if (newest === undefined || newest.sequence === from) return { records, end: true };
    if (isFull()) return { records, end: false };
    if (newest.follows === from) return { records: [...records, toRecord(newest)], end: true };
    const rest = await this.#behind(entity, place.events, from, left, newest.sequence);
    return { records: [...records, ...rest.records], end: rest.end };
  }

  /** Looks again, because new records, and a pack of them, may have been stored after the first look. */
  async #lastNotBefore(
    entity: EntityKey,
    { events, snapshot }: Place,
    position: Position,
  ): Promise<StoredMessage | undefined> {
    const last = await this.#last(entity, events);
    const end = last?.sequence ?? NO_POSITION;
    if (end < position) throw packTooNew(entity, events, end, { ...snapshot, position });
    return last;
  }

  async #behind(
    entity: EntityKey,
    events: Source,
    from: Position,
    bounds: PageBounds,
    until?: Position,
  ): Promise<HistoryPage> {
    const { messages, end } = await this.#reader.currentPage(events, from, bounds, until);
    checkBackPointers(entity, messages, from);
    return { records: messages.map(toRecord), end };
  }

  async #last(entity: EntityKey, events: Source): Promise<StoredMessage | undefined> {
    for (let attempt = 0; attempt < MAX_LOOKS; attempt++) {
      const found = await this.#reader.last(events);
      if (found !== undefined) return found;
      const presence = await this.#reader.presence(events);
      if (presence === "none") return undefined;
      if (presence === "unreadable") {
        throw recordUnreadable(entity, events.stream, await this.#reader.lastUnreadable(events));
      }
      // It was written between the two looks.
    }
    throw staleRead(events);
  }
}

/** How often the lookup is repeated if an entity gets its first record meanwhile. */
const MAX_LOOKS = 10;

export function toRecord({ sequence, bytes }: Pick<StoredMessage, "sequence" | "bytes">): LogRecord {
  return { position: sequence, bytes };
}
