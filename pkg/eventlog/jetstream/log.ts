// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { EntityKey, EventLog, HistoryPage, LogRecord, Position, TailRecord } from "../event-log.ts";
import { appendConflict, checkSettings, checkSize, nameOf } from "../limits.ts";
import { Wakeup } from "../wakeup.ts";
import { lastMessages } from "./ids.ts";
import { connectLink } from "./link.ts";
import type { NatsLink } from "./link.ts";
import { defaultJetStreamOptions } from "./options.ts";
import type { JetStreamAddress, JetStreamLogOptions } from "./options.ts";
import { Publisher } from "./publisher.ts";
import { Reader } from "./reader.ts";
import type { StoredMessage } from "./reader.ts";
import { checkServer } from "./server-check.ts";
import { encodeStored } from "./stored.ts";
import { prepareStreams } from "./streams.ts";
import {
  eventsOfType,
  eventSubject,
  fromToken,
  idTokenOf,
  keyForRecord,
  namesOf,
  snapshotSubject,
} from "./subjects.ts";
import type { LogNames } from "./subjects.ts";

/**
 * Opens the log in two streams of a NATS server (2.12 or newer), and makes them if they are not there. Any number of
 * processes may have it open at once. `durability` is `acknowledged-before-fsync`: a server does not tell a client
 * whether it syncs each write.
 *
 * @throws EventLogError `LOG_UNAVAILABLE` with what to do, or `LOG_BAD_ADDRESS` for a setting that makes no sense.
 */
export async function openJetStreamLog(
  address: JetStreamAddress,
  options: Partial<JetStreamLogOptions> = {},
): Promise<EventLog> {
  const all: JetStreamLogOptions = { ...defaultJetStreamOptions, ...options };
  checkSettings(all);
  const { server, prefix } = address;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(prefix)) {
    const text = `${JSON.stringify(prefix)}: a prefix has 1 to 64 letters, digits, _ or -`;
    throw new EventLogError("LOG_BAD_ADDRESS", text);
  }
  const writes = await connectLink(server, `perdure ${prefix} writes`, all);
  let reads: NatsLink | undefined;
  try {
    checkServer(server, writes.connection.info);
    reads = await connectLink(server, `perdure ${prefix} reads`, all);
    const names = namesOf(prefix);
    const facts = await prepareStreams(reads.connection, names, all);
    all.logger.info("event log: open", { server, ...names, ...facts });
    return new LogOnJetStream(prefix, names, all, { writes, reads }, new Reader(reads, all, facts));
  } catch (thrown) {
    await Promise.all([writes.close(), reads?.close()]);
    throw thrown;
  }
}

interface Links {
  readonly writes: NatsLink;
  /** Of its own, so that a large history holds up no append. */
  readonly reads: NatsLink;
}

/** How often a snapshot may be overtaken by another process's before its caller hears of it. */
const MAX_SNAPSHOT_RACES = 64;

/**
 * One stream has the events, one the newest snapshot of each entity; positions are sequences of the first. Each entity
 * has a subject in either (`subjects.ts`), and each write goes behind the last message of its subject (I3).
 */
class LogOnJetStream implements EventLog {
  readonly durability = "acknowledged-before-fsync";
  readonly #prefix: string;
  readonly #names: LogNames;
  readonly #options: JetStreamLogOptions;
  readonly #links: Links;
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  readonly #wakeup = new Wakeup();
  readonly #accepted = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(prefix: string, names: LogNames, options: JetStreamLogOptions, links: Links, reader: Reader) {
    this.#prefix = prefix;
    this.#names = names;
    this.#options = options;
    this.#links = links;
    this.#publisher = new Publisher(links.writes, options);
    this.#reader = reader;
  }

  read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    return this.#accept(async () => {
      const found =
        after === undefined
          ? await this.#reader.last(this.#names.snapshots, snapshotSubject(this.#prefix, entity))
          : undefined;
      const from = after ?? found?.position ?? NO_POSITION;
      const subject = eventSubject(this.#prefix, entity);
      const { messages, end } = await this.#reader.currentPage(this.#names.events, subject, from);
      const records = messages.map(toRecord);
      if (found === undefined) return { records, end };
      return { snapshot: { position: found.position, bytes: found.bytes }, records, end };
    });
  }

  append(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#accept(async () => {
      checkSize(this.#options, entity, record);
      const subject = eventSubject(this.#prefix, entity);
      const payload = encodeStored({ key: keyForRecord(entity), position: NO_POSITION, bytes: record });
      try {
        const position = await this.#publisher.publish(subject, expected, payload, nameOf(entity));
        this.#wakeup.notify(entity.type);
        return position;
      } catch (thrown) {
        throw isConflict(thrown) ? appendConflict(entity, expected, thrown) : thrown;
      }
    });
  }

  saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void> {
    return this.#accept(async () => {
      checkSize(this.#options, entity, snapshot);
      assert(Number.isSafeInteger(position) && position >= 0, "a position is a whole number");
      const subject = snapshotSubject(this.#prefix, entity);
      const payload = encodeStored({ key: keyForRecord(entity), position, bytes: snapshot });
      for (let attempt = 0; attempt < MAX_SNAPSHOT_RACES; attempt++) {
        const stored = await this.#reader.last(this.#names.snapshots, subject);
        if (stored !== undefined && stored.position > position) return;
        try {
          await this.#publisher.publish(subject, stored?.sequence ?? NO_POSITION, payload, nameOf(entity));
          return;
        } catch (thrown) {
          if (!isConflict(thrown)) throw thrown;
        }
      }
      throw new EventLogError("LOG_OVERLOADED", `${nameOf(entity)}: others save its snapshot all the time`);
    });
  }

  async *tail(type: string, from: Position, signal: AbortSignal): AsyncGenerator<TailRecord> {
    const subject = eventsOfType(this.#prefix, type);
    let position = from;
    while (!signal.aborted) {
      const news = this.#awaitNews(type, signal);
      try {
        const page = await this.#accept(() => this.#reader.page(this.#names.events, subject, position));
        for (const message of page.messages) {
          if (signal.aborted) return;
          this.#checkOpen();
          position = message.sequence;
          yield { id: idOf(message), ...toRecord(message) };
        }
        if (page.end) await news.arrived;
      } finally {
        news.cancel();
      }
    }
  }

  async *list(type: string): AsyncGenerator<string> {
    this.#checkOpen();
    const filter = eventsOfType(this.#prefix, type);
    try {
      const { events } = this.#names;
      const until = await this.#reader.horizon(events, filter);
      const pages = lastMessages(this.#links.reads.connection, events, filter, until, this.#options);
      for await (const page of pages) {
        for (const { subject, sequence } of page) {
          this.#checkOpen();
          const id = fromToken(idTokenOf(subject)) ?? (await this.#idAt(sequence));
          this.#checkOpen();
          yield id;
        }
      }
    } catch (thrown) {
      this.#checkOpen();
      throw thrown;
    }
    this.#checkOpen();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#wakeup.notifyAll();
    await Promise.allSettled(this.#accepted);
    await Promise.all([this.#links.writes.close(), this.#links.reads.close()]);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) {
      throw new EventLogError("LOG_CLOSED", `the log ${this.#names.events} is closed`);
    }
  }

  /** `close` waits for what was accepted. */
  async #accept<T>(work: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const working = work();
    this.#accepted.add(working);
    try {
      return await working;
    } finally {
      this.#accepted.delete(working);
    }
  }

  async #idAt(sequence: Position): Promise<string> {
    const found = await this.#reader.at(this.#names.events, sequence);
    const where = `${this.#names.events}, sequence ${sequence}`;
    if (found === undefined) throw new EventLogError("LOG_CORRUPT", `${where}: the record is gone`);
    return idOf(found);
  }

  /**
   * Begins before the look at the stream, so that no append falls between the two. Records of other processes are
   * found by the next look, after `tailPollMs`.
   */
  #awaitNews(type: string, signal: AbortSignal): { readonly arrived: Promise<void>; cancel(): void } {
    const enough = new AbortController();
    const stop = (): void => enough.abort();
    const timer = this.#options.clock.schedule(this.#options.tailPollMs, stop);
    signal.addEventListener("abort", stop, { once: true });
    const cancel = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", stop);
      stop();
    };
    return { arrived: this.#wakeup.wait(type, enough.signal), cancel };
  }
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof EventLogError && thrown.code === "APPEND_CONFLICT";
}

function toRecord({ sequence, bytes }: StoredMessage): LogRecord {
  return { position: sequence, bytes };
}

function idOf({ subject, sequence, key }: StoredMessage): string {
  const id = key?.id ?? fromToken(idTokenOf(subject));
  if (id !== undefined) return id;
  throw new EventLogError("LOG_CORRUPT", `${subject}, sequence ${sequence}: the record does not tell its id`);
}
