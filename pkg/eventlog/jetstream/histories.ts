// SPDX-License-Identifier: Apache-2.0

import { NO_POSITION } from "../event-log.ts";
import type { EntityKey, HistoryPage, LogRecord, Position } from "../event-log.ts";
import { checkBackPointers, recordUnreadable, snapshotTooNew } from "./back-pointers.ts";
import type { Place, Source } from "./layout.ts";
import { staleRead } from "./reader.ts";
import type { Reader, StoredMessage } from "./reader.ts";

/**
 * Reads the history of one entity, and gives it only if it is whole (I6).
 *
 * 1. Each record follows the one before it by its back pointer: the first one the snapshot, or nothing.
 * 2. The last record is there: a server that cannot read it does not make the entity look younger, or new.
 * 3. A snapshot stands for records that are there. One that is newer than the last of them is refused.
 *
 * What none of this can find is a stream that lost its newest records and has no snapshot of them.
 */
export class Histories {
  readonly #reader: Reader;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** @throws EventLogError `LOG_CORRUPT`, `LOG_TOO_NEW`, `LOG_UNAVAILABLE`, `LOG_OVERLOADED` */
  async read(entity: EntityKey, place: Place, after?: Position): Promise<HistoryPage> {
    if (after !== undefined) return this.#behind(entity, place.events, after);
    const [last, snapshot] = await Promise.all([
      this.#last(entity, place.events),
      this.#reader.last(place.snapshot),
    ]);
    const from = snapshot?.position ?? NO_POSITION;
    const page = await this.#first(entity, place, from, last);
    if (snapshot === undefined) return page;
    return { snapshot: { position: snapshot.position, bytes: snapshot.bytes }, ...page };
  }

  /** The records behind a snapshot. Often the last one tells that it is the only one, or that there is none. */
  async #first(
    entity: EntityKey,
    place: Place,
    from: Position,
    last: StoredMessage | undefined,
  ): Promise<HistoryPage> {
    const until = last?.sequence ?? NO_POSITION;
    if (until < from) await this.#checkSnapshot(entity, place, from);
    else if (until === from) return { records: [], end: true };
    else if (last?.follows === from) return { records: [toRecord(last)], end: true };
    return this.#behind(entity, place.events, from, until);
  }

  /** The snapshot may have been saved, behind a new record, after the look for the last one. So it looks again. */
  async #checkSnapshot(entity: EntityKey, { events, snapshot }: Place, position: Position): Promise<void> {
    const last = (await this.#last(entity, events))?.sequence ?? NO_POSITION;
    if (last < position) throw snapshotTooNew(entity, events, last, { ...snapshot, position });
  }

  async #behind(entity: EntityKey, events: Source, from: Position, until?: Position): Promise<HistoryPage> {
    const { messages, end } = await this.#reader.currentPage(events, from, until);
    checkBackPointers(entity, messages, from);
    return { records: messages.map(toRecord), end };
  }

  /** The entity's last record, if it has one. */
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

/** An entity that gets its first record while it is looked at is looked at again, so often. */
const MAX_LOOKS = 10;

export function toRecord({ sequence, bytes }: StoredMessage): LogRecord {
  return { position: sequence, bytes };
}
