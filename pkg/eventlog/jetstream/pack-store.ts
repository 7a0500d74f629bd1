// SPDX-License-Identifier: Apache-2.0

import type { EntityKey, LogRecord, Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { Appender, Write } from "./appender.ts";
import type { Author } from "./author.ts";
import type { Place } from "./layout.ts";
import type { JetStreamLogOptions } from "./options.ts";
import type { Pack } from "./pack.ts";
import { decodePack, EMPTY_PACK, encodePack, sizeOf } from "./pack.ts";
import type { Publisher } from "./publisher.ts";
import type { Reader } from "./reader.ts";
import { decodeStored, encodeStored } from "./stored.ts";

/** The message of an entity's subject in its snapshot stream. */
export interface FoundPack {
  /** 0 if there is no message. The next one names it as its fence, so that it replaces only what was read. */
  readonly sequence: Position;
  readonly pack: Pack;
}

/**
 * Reads and writes the snapshot streams: one message for each entity, its newest snapshot and records after it.
 *
 * 1. A damaged message counts as none, with a warning, because the records tell the same. The next message replaces
 *    it.
 * 2. A message replaces only the one that its writer has read (the fence). So neither a snapshot nor the pack of a
 *    proxy that was away for a while ever replaces a newer one.
 */
export class PackStore {
  readonly #reader: Reader;
  readonly #appender: Appender;
  readonly #publisher: Publisher;
  readonly #author: Author;
  readonly #options: JetStreamLogOptions;

  constructor(
    reader: Reader,
    appender: Appender,
    publisher: Publisher,
    author: Author,
    options: JetStreamLogOptions,
  ) {
    this.#reader = reader;
    this.#appender = appender;
    this.#publisher = publisher;
    this.#author = author;
    this.#options = options;
  }

  /** @throws EventLogError `LOG_TOO_NEW`, `LOG_UNAVAILABLE`, `LOG_OVERLOADED` */
  async find(entity: EntityKey, place: Place): Promise<FoundPack> {
    const found = await this.#reader.lastRaw(place.snapshot);
    if (found === undefined) return { sequence: NO_POSITION, pack: EMPTY_PACK };
    const { data, ...origin } = found;
    const { sequence } = origin;
    try {
      return { sequence, pack: decodePack(decodeStored(data, origin).bytes) };
    } catch (thrown) {
      if (!(thrown instanceof EventLogError) || thrown.code !== "LOG_CORRUPT") throw thrown;
      const fields = { entity: nameOf(entity), stream: origin.stream, sequence, error: thrown };
      const { logger } = this.#options.telemetry;
      logger.warn("event log: a snapshot is damaged; the records are read instead", fields);
      return { sequence, pack: EMPTY_PACK };
    }
  }

  /** Leaves a newer snapshot. Packed records after the new snapshot stay packed, if they fit. */
  async saveSnapshot(entity: EntityKey, place: Place, snapshot: LogRecord): Promise<void> {
    await this.#replaceLatest(entity, place, ({ snapshot: stored, records: packed }) => {
      if (stored !== undefined && stored.position > snapshot.position) return undefined;
      const records = packed.filter(({ position }) => position > snapshot.position);
      const whole = { snapshot, records };
      return sizeOf(whole) > this.#options.maxPackBytes ? { snapshot, records: [] } : whole;
    });
  }

  /** Stores an empty pack instead: removing needs one more permission, and readers could not replace it then. */
  async dropSnapshot(entity: EntityKey, place: Place): Promise<void> {
    await this.#replaceLatest(entity, place, (pack) => pack.snapshot && EMPTY_PACK);
  }

  /** Tries once. It is no error if another process was faster, the pack is too large or the log is busy. */
  async replace(entity: EntityKey, place: Place, found: FoundPack, pack: Pack): Promise<void> {
    const answer = await this.#publisher.publish(this.#write(entity, place, found.sequence, pack));
    if (answer.kind !== "refused" && answer.kind !== "unanswered") return;
    if (answer.error.code !== "RECORD_TOO_LARGE") throw answer.error;
  }

  /** Replaces the pack with what `change` makes of it; leaves it if that is undefined. */
  #replaceLatest(entity: EntityKey, place: Place, change: (pack: Pack) => Pack | undefined): Promise<void> {
    const next = async (): Promise<Write | undefined> => {
      const { sequence, pack } = await this.find(entity, place);
      const changed = change(pack);
      return changed && this.#write(entity, place, sequence, changed);
    };
    return this.#appender.appendLatest(next, `${nameOf(entity)}: others save its snapshot all the time`);
  }

  #write(entity: EntityKey, place: Place, expected: Position, pack: Pack): Write {
    const { snapshot: source, untoldKey: key } = place;
    const mark = this.#author.mark();
    const payload = encodeStored({ mark, key, bytes: encodePack(pack) }, source.subject);
    return { ...source, expected, payload, mark, entity };
  }
}
