// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";
import { checkServer } from "../../nats/mod.ts";

import type {
  Durability,
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
import type { Write } from "./appender.ts";
import { Appender } from "./appender.ts";
import { Author } from "./author.ts";
import { locationOf } from "./back-pointers.ts";
import { Checkpoints } from "./checkpoints.ts";
import { connectLink } from "./connect.ts";
import { checkDurability } from "./durability.ts";
import { Histories, toRecord } from "./histories.ts";
import { lastMessages } from "./ids.ts";
import type { Layout } from "./layout.ts";
import { openError } from "./log-error.ts";
import type { JetStreamAddress, JetStreamLogOptions } from "./options.ts";
import { defaultJetStreamOptions } from "./options.ts";
import { PackStore } from "./pack-store.ts";
import { patiently } from "./patience.ts";
import type { PublishAnswer } from "./publisher.ts";
import { Publisher } from "./publisher.ts";
import { Reader } from "./reader.ts";
import { listSnapshots } from "./snapshot-list.ts";
import { describeOrigin, encodeStored } from "./stored.ts";
import { checkStreamWorks } from "./stream-check.ts";
import type { StreamFacts } from "./streams.ts";
import { prepareStreams } from "./streams.ts";
import { fromToken, idTokenOf } from "./subjects.ts";
import type { TailedMessage } from "./tail.ts";
import { Tails } from "./tail.ts";

/**
 * Opens the log in streams of a NATS server (2.12 or newer), and makes them if they are not there. Any number of
 * processes may have it open at once.
 *
 * @throws EventLogError `LOG_UNAVAILABLE` if it may be there later, `LOG_UNUSABLE` with what an operator has to do, or
 * `LOG_BAD_ADDRESS` for a setting that makes no sense.
 */
export async function openJetStreamLog(
  address: JetStreamAddress,
  options: Partial<JetStreamLogOptions> = {},
): Promise<EventLog> {
  const all: JetStreamLogOptions = { ...defaultJetStreamOptions, ...options };
  checkSettings(all);
  const { server, prefix } = address;
  const writes = await connectLink(server, `perdure ${prefix} writes`, all);
  let reads: NatsLink | undefined;
  try {
    checkServer(server, writes.connection.info);
    checkDurability(server, writes.connection.info, all);
    reads = await connectLink(server, `perdure ${prefix} reads`, all);
    const { connection } = reads;
    // The next try finds the streams that were made, so a busy server only needs several tries.
    const facts = await patiently(() => prepareStreams(connection, prefix, all), all, NO_HURRY);
    const { layout, replicated, durability } = facts;
    const { logger } = all.telemetry;
    logger.info("event log: open", { server, prefix, streams: layout.streams, replicated, durability });
    return new LogOnJetStream(facts, all, { writes, reads }, new Reader(reads, all, facts));
  } catch (thrown) {
    await Promise.all([writes.close(CLOSING), reads?.close(CLOSING)]);
    throw openError(thrown);
  }
}

/** Checks cannot detect these, because a stream whose disk or limit is reached answers a check as before. */
const UNSEEN_BY_CHECKS = ["LOG_FULL", "OUTCOME_UNKNOWN"] as const;

/** What a request fails with that is pending when the connection is closed. */
const CLOSING = "the log is being closed";

const NO_HURRY = new AbortController().signal;

interface Links {
  readonly writes: NatsLink;
  /** A separate connection, so that reading a large history delays no append. */
  readonly reads: NatsLink;
}

/**
 * Each entity has a subject in a stream of events and one in a stream of snapshots (`layout.ts`). Its positions are
 * sequences of the stream of events. Each write names the last message of its subject, which it must follow (I3).
 */
class LogOnJetStream implements EventLog {
  readonly durability: Durability;
  readonly partitions: number;
  readonly #layout: Layout;
  readonly #author = new Author();
  readonly #options: JetStreamLogOptions;
  readonly #links: Links;
  readonly #appender: Appender;
  readonly #reader: Reader;
  readonly #packs: PackStore;
  readonly #histories: Histories;
  readonly #tails: Tails;
  readonly #checkpoints: Checkpoints;
  readonly #health: Health;
  readonly #eventStreams: readonly string[];
  #underWay = 0;
  #allDone: PromiseWithResolvers<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(facts: StreamFacts, options: JetStreamLogOptions, links: Links, reader: Reader) {
    const { layout, durability } = facts;
    this.durability = durability;
    this.partitions = layout.streams;
    this.#layout = layout;
    this.#options = options;
    this.#links = links;
    const publisher = new Publisher(links.writes, options);
    this.#appender = new Appender(publisher, reader, options, (write, answer) => this.#hear(write, answer));
    this.#reader = reader;
    this.#packs = new PackStore(reader, this.#appender, publisher, this.#author, options);
    this.#histories = new Histories(reader, this.#packs, options);
    this.#checkpoints = new Checkpoints(layout, reader, this.#appender, this.#author);
    this.#tails = new Tails(links.reads.connection, options);
    this.#eventStreams = Array.from({ length: layout.streams }, (_, number) => layout.streamOf("ev", number));
    const check = (partition: number) => checkStreamWorks(publisher, layout, partition);
    this.#health = new Health(this.partitions, { ...options, check, hidden: UNSEEN_BY_CHECKS });
  }

  get health(): LogHealth {
    return this.#health.current;
  }

  partitionOf(entity: EntityKey): number {
    return this.#layout.numberOf(entity);
  }

  locate(entity: EntityKey, position: Position): string {
    return locationOf(this.#layout.placeOf(entity).events.stream, position);
  }

  read(entity: EntityKey, after?: Position): Promise<HistoryPage> {
    return this.#accept(() => this.#histories.read(entity, this.#layout.placeOf(entity), after));
  }

  readLast(entity: EntityKey): Promise<LogRecord | undefined> {
    return this.#accept(() => this.#histories.last(entity, this.#layout.placeOf(entity)));
  }

  append(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#store(entity, expected, record, false);
  }

  replace(entity: EntityKey, expected: Position, record: Uint8Array): Promise<Position> {
    return this.#store(entity, expected, record, expected !== NO_POSITION);
  }

  saveSnapshot(entity: EntityKey, position: Position, snapshot: Uint8Array): Promise<void> {
    return this.#accept(async () => {
      checkSize(this.#options, entity, snapshot);
      assert(Number.isSafeInteger(position) && position >= 0, "a position is a whole number");
      await this.#packs.saveSnapshot(entity, this.#layout.placeOf(entity), { position, bytes: snapshot });
    });
  }

  snapshots(type?: string): AsyncIterable<StoredSnapshot> {
    const { connection } = this.#links.reads;
    return this.#whileOpen(listSnapshots(connection, this.#layout, this.#reader, this.#options, type));
  }

  dropSnapshot(entity: EntityKey): Promise<void> {
    return this.#accept(() => this.#packs.dropSnapshot(entity, this.#layout.placeOf(entity)));
  }

  pack(entity: EntityKey): Promise<void> {
    return this.#accept(() => this.#histories.pack(entity, this.#layout.placeOf(entity)));
  }

  async *tail(...[type, partition, from, signal]: Parameters<EventLog["tail"]>): AsyncGenerator<TailRecord> {
    checkPartition(partition, this.partitions);
    if (signal.aborted) return;
    this.#checkOpen();
    const source = this.#layout.eventsOfType(type, partition);
    for await (const message of this.#tails.tail(source, from, signal)) {
      this.#checkOpen();
      yield { id: idOf(message), ...toRecord(message) };
    }
    if (!signal.aborted) this.#checkOpen();
  }

  list(type: string): AsyncIterable<string> {
    return this.#whileOpen(this.#list(type));
  }

  lastPosition(type: string, partition: number): Promise<Position> {
    checkPartition(partition, this.partitions);
    return this.#accept(() => this.#reader.lastSequence(this.#layout.eventsOfType(type, partition)));
  }

  readCheckpoint(name: string): Promise<readonly Position[] | undefined> {
    return this.#accept(() => this.#checkpoints.read(name));
  }

  saveCheckpoint(name: string, positions: readonly Position[]): Promise<void> {
    return this.#accept(() => this.#checkpoints.save(name, positions));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#health.stop();
    this.#reader.hurry();
    this.#allDone = Promise.withResolvers();
    if (this.#underWay === 0) this.#allDone.resolve();
    await Promise.allSettled([this.#allDone.promise, this.#tails.close()]);
    await Promise.all([this.#links.writes.close(CLOSING), this.#links.reads.close(CLOSING)]);
  }

  async #store(
    entity: EntityKey,
    expected: Position,
    record: Uint8Array,
    replaces: boolean,
  ): Promise<Position> {
    this.#begin();
    try {
      checkSize(this.#options, entity, record);
      const { events, untoldKey: key } = this.#layout.eventsOf(entity);
      const { stream, subject } = events;
      const mark = this.#author.mark();
      const payload = encodeStored({ mark, key, bytes: record }, subject);
      return await this.#appender.append({ stream, subject, expected, replaces, payload, mark, entity });
    } finally {
      this.#finish();
    }
  }

  /** Writes to streams of snapshots say nothing of the log's health, because those only save time. */
  #hear({ stream }: Write, answer: PublishAnswer): void {
    const partition = this.#eventStreams.indexOf(stream);
    if (partition < 0) return;
    if (answer.kind === "stored" || answer.kind === "contested") this.#health.worked(partition);
    else this.#health.failed(partition, answer.error);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) {
      throw new EventLogError("LOG_CLOSED", `the log ${this.#layout.prefix} is closed`);
    }
  }

  async #accept<T>(work: () => Promise<T>): Promise<T> {
    this.#begin();
    try {
      return await work();
    } finally {
      this.#finish();
    }
  }

  /** Counts an operation that begins, because `close` waits for it. */
  #begin(): void {
    this.#checkOpen();
    this.#underWay++;
  }

  #finish(): void {
    this.#underWay--;
    if (this.#underWay === 0) this.#allDone?.resolve();
  }

  /** Ends with `LOG_CLOSED` once the log is closed, whatever the items then fail with. */
  async *#whileOpen<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    this.#checkOpen();
    try {
      for await (const item of items) {
        this.#checkOpen();
        yield item;
      }
    } catch (thrown) {
      this.#checkOpen();
      throw thrown;
    }
    this.#checkOpen();
  }

  async *#list(type: string): AsyncGenerator<string> {
    for (let number = 0; number < this.partitions; number++) {
      const source = this.#layout.eventsOfType(type, number);
      const until = await this.#reader.horizon(source);
      for await (const page of lastMessages(this.#links.reads.connection, source, until, this.#options)) {
        for (const { subject, sequence } of page) {
          yield fromToken(idTokenOf(subject)) ?? (await this.#idAt(source.stream, sequence));
        }
      }
    }
  }

  async #idAt(stream: string, sequence: Position): Promise<string> {
    const found = await this.#reader.at(stream, sequence);
    if (found !== undefined) return idOf(found);
    throw new EventLogError("LOG_CORRUPT", `stream ${stream}, sequence ${sequence}: the record is gone`);
  }
}

function idOf(message: TailedMessage): string {
  const id = message.key?.id ?? fromToken(idTokenOf(message.subject));
  if (id !== undefined) return id;
  throw new EventLogError("LOG_CORRUPT", `${describeOrigin(message)}: the record does not tell its id`);
}
