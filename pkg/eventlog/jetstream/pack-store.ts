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
  /**
   * The sequence of the message; 0 if there is none. A new message names it as its fence, so that it replaces only
   * the message that was read.
   */
  readonly sequence: Position;
  readonly pack: Pack;
}

/** How often another process may store its message first before the caller gets an error. */
const MAX_RACES = 64;

/**
 * Reads and writes the snapshot streams. They hold one message for each entity: its newest snapshot and records after
 * it (`pack.ts`).
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
      this.#options.logger.warn("event log: a snapshot is damaged; the records are read instead", fields);
      return { sequence, pack: EMPTY_PACK };
    }
  }

  /**
   * Replaces a snapshot of the same or a lower position; does nothing if a newer one is stored. Packed records after
   * the new snapshot stay packed, if they fit.
   */
  async saveSnapshot(entity: EntityKey, place: Place, snapshot: LogRecord): Promise<void> {
    for (let attempt = 0; attempt < MAX_RACES; attempt++) {
      const found = await this.find(entity, place);
      const stored = found.pack.snapshot;
      if (stored !== undefined && stored.position > snapshot.position) return;
      const records = found.pack.records.filter(({ position }) => position > snapshot.position);
      const whole = { snapshot, records };
      const pack = sizeOf(whole) > this.#options.maxPackBytes ? { snapshot, records: [] } : whole;
      if (await this.#isStored(this.#write(entity, place, found.sequence, pack))) return;
    }
    throw overtaken(entity);
  }

  /**
   * Stores an empty pack in place of the snapshot. The message is replaced, not removed, because removing it would
   * need one more permission, and a proxy that has read the message could then no longer replace it.
   */
  async dropSnapshot(entity: EntityKey, place: Place): Promise<void> {
    for (let attempt = 0; attempt < MAX_RACES; attempt++) {
      const { sequence, pack } = await this.find(entity, place);
      if (pack.snapshot === undefined) return;
      if (await this.#isStored(this.#write(entity, place, sequence, EMPTY_PACK))) return;
    }
    throw overtaken(entity);
  }

  /**
   * Tries once to replace the message that was found. Nothing is stored, and no error thrown, if another process was
   * faster, if the pack is too large, or if the log cannot store it at the moment.
   */
  async replace(entity: EntityKey, place: Place, found: FoundPack, pack: Pack): Promise<void> {
    const answer = await this.#publisher.publish(this.#write(entity, place, found.sequence, pack));
    if (answer.kind !== "refused" && answer.kind !== "unanswered") return;
    if (answer.error.code !== "RECORD_TOO_LARGE") throw answer.error;
  }

  /** False: another process was faster. */
  async #isStored(write: Write): Promise<boolean> {
    try {
      await this.#appender.append(write);
      return true;
    } catch (thrown) {
      if (thrown instanceof EventLogError && thrown.code === "APPEND_CONFLICT") return false;
      throw thrown;
    }
  }

  #write(entity: EntityKey, place: Place, expected: Position, pack: Pack): Write {
    const { snapshot: source, untoldKey: key } = place;
    const mark = this.#author.mark();
    const payload = encodeStored({ mark, key, bytes: encodePack(pack) }, source.subject);
    return { ...source, expected, payload, mark, entity };
  }
}

function overtaken(entity: EntityKey): EventLogError {
  return new EventLogError("LOG_OVERLOADED", `${nameOf(entity)}: others save its snapshot all the time`);
}
