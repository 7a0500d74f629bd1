// SPDX-License-Identifier: Apache-2.0

import type { Msg } from "@nats-io/transport-node";

import { Semaphore } from "../../base/mod.ts";
import type { NatsLink } from "../../nats/mod.ts";

import type { Position } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { Presence, RawMessage } from "./answers.ts";
import { lastOfStreamIn, leaderMessageOf, presenceOf, rawMessageOf } from "./answers.ts";
import type { Source } from "./layout.ts";
import { logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { patiently } from "./patience.ts";
import type { Origin, Stored } from "./stored.ts";
import { decodeStored } from "./stored.ts";
import type { StreamFacts } from "./streams.ts";

/** A decoded message of the log. */
export interface StoredMessage extends Stored, Origin, Pick<RawMessage, "follows" | "replaces"> {}

/** Most that a page holds. */
export interface PageBounds {
  readonly records: number;
  /** A page ends with the record that brings it to so many. */
  readonly bytes: number;
}

export interface MessagePage {
  readonly messages: readonly StoredMessage[];
  /** False: there may be more. */
  readonly end: boolean;
}

/**
 * Reads streams by direct get, which involves no consumer and no leader of the cluster's metadata. Any server that
 * has a copy of a replicated stream may answer, and one that lags behind does not have the newest messages (clause 4
 * of `event-log.ts`). So for these the reader asks the stream's leader for the last message, and repeats a read that
 * does not reach it.
 *
 * All methods throw EventLogError. Each request waits up to `readDeadlineMs` for a log that does not answer
 * (`patience.ts`), except for `firstBehind`, whose caller retries itself.
 */
export class Reader {
  readonly #link: NatsLink;
  readonly #options: JetStreamLogOptions;
  readonly #facts: StreamFacts;
  readonly #bounds: PageBounds;
  readonly #turns: Semaphore;
  readonly #hurry = new AbortController();
  #pending = 0;

  constructor(link: NatsLink, options: JetStreamLogOptions, facts: StreamFacts) {
    this.#link = link;
    this.#options = options;
    this.#facts = facts;
    this.#bounds = { records: options.pageRecords, bytes: options.pageBytes };
    this.#turns = new Semaphore(options.maxReadsInFlight);
  }

  /** One page of messages after a sequence, with the bounds of the log unless others are given. */
  async page(source: Source, after: Position, bounds = this.#bounds): Promise<MessagePage> {
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (;;) {
      const from = messages.at(-1)?.sequence ?? after;
      const batch = await this.#batch(source, from, bounds.records - messages.length, bounds.bytes - bytes);
      for (const message of batch.messages) {
        messages.push(message);
        bytes += message.bytes.byteLength;
        // The server counts the bytes of headers and subjects too, so a batch may be shorter than a page.
        if (bytes >= bounds.bytes || messages.length >= bounds.records) return { messages, end: false };
      }
      if (batch.end) return { messages, end: true };
    }
  }

  /**
   * As `page`, for one entity, and never without a message that was acknowledged before the call. `until` is the
   * sequence of the entity's last message, if the caller knows it.
   */
  async currentPage(
    source: Source,
    after: Position,
    bounds: PageBounds,
    until?: Position,
  ): Promise<MessagePage> {
    const last = until ?? (await this.horizon(source));
    for (let attempt = 0; attempt < MAX_STALE_READS; attempt++) {
      const page = await this.page(source, after, bounds);
      if (!page.end || (page.messages.at(-1)?.sequence ?? after) >= last) return page;
    }
    throw staleRead(source);
  }

  /**
   * The last message of a subject, and never an older one than was acknowledged before the call. `undefined` also if
   * the server cannot read it.
   */
  async last(source: Source): Promise<StoredMessage | undefined> {
    const found = await this.lastRaw(source);
    return found === undefined ? undefined : decoded(found);
  }

  /** As `last`, but the message is not decoded. */
  lastRaw(source: Source): Promise<RawMessage | undefined> {
    if (this.#facts.replicated) return this.#fromLeader(source.stream, { last_by_subj: source.subject });
    const { stream, subject } = source;
    const doing = `reading ${stream} ${subject}`;
    return this.#turn(doing, async () => {
      const found = await this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}.${subject}`,
        payload: "",
        receive: (message) => ({ message: rawMessageOf(message, stream, doing) }),
      });
      return found.message;
    });
  }

  /**
   * Tells a subject without messages from one whose last message the server cannot read, because `last` gives the
   * same for both.
   */
  presence({ stream, subject }: Source, upTo?: Position): Promise<Presence> {
    const doing = `reading ${stream} ${subject}`;
    return this.#turn(doing, () =>
      this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}`,
        payload: JSON.stringify({ multi_last: [subject], batch: 1, up_to_seq: upTo }),
        receive: (message) => presenceOf(message, stream, doing),
      }),
    );
  }

  /**
   * Finds the sequence of a subject's last message, which the server cannot read and does not tell, by binary search.
   */
  async lastUnreadable(source: Source): Promise<Position> {
    let [below, found] = [NO_POSITION, await this.#lastOfStream(source.stream)];
    while (found - below > 1) {
      const middle = Math.floor((below + found) / 2);
      if ((await this.presence(source, middle)) === "unreadable") found = middle;
      else below = middle;
    }
    return found;
  }

  /**
   * The sequence that a read of a replicated stream must reach to have all that was acknowledged before; 0 for other
   * streams.
   */
  async horizon(source: Source): Promise<Position> {
    return this.#facts.replicated ? this.lastSequence(source) : NO_POSITION;
  }

  /** The sequence of the last message, as the stream's leader knows it. */
  async lastSequence(source: Source): Promise<Position> {
    const last = await this.#fromLeader(source.stream, { last_by_subj: source.subject });
    return last?.sequence ?? NO_POSITION;
  }

  /** The first message of a subject after a sequence, as the stream's leader knows it. */
  async firstBehind({ stream, subject }: Source, after: Position): Promise<StoredMessage | undefined> {
    const found = await this.#fromLeader(stream, { seq: after + 1, next_by_subj: subject }, atOnce);
    return found === undefined ? undefined : decoded(found);
  }

  /** The message with a sequence. */
  at(stream: string, sequence: Position): Promise<StoredMessage | undefined> {
    const doing = `reading ${stream} ${sequence}`;
    return this.#turn(doing, async () => {
      const found = await this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}`,
        payload: JSON.stringify({ seq: sequence }),
        receive: (message) => ({ message: messageOf(message, stream, doing) }),
      });
      return found.message;
    });
  }

  #batch({ stream, subject }: Source, after: Position, records: number, bytes: number): Promise<MessagePage> {
    const doing = `reading ${stream} ${subject}`;
    return this.#turn(doing, () => {
      const messages: StoredMessage[] = [];
      return this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}`,
        payload: JSON.stringify({ seq: after + 1, next_by_subj: subject, batch: records, max_bytes: bytes }),
        receive: (message): MessagePage | undefined => {
          if (message.headers?.code === END_OF_BATCH) {
            return { messages, end: message.headers.get("Nats-Num-Pending") === "0" };
          }
          const found = messageOf(message, stream, doing);
          if (found === undefined) return { messages, end: true };
          messages.push(found);
          return undefined;
        },
      });
    });
  }

  /** Makes reads that wait for the log to come back fail soon, because the log is being closed. */
  hurry(): void {
    this.#hurry.abort();
  }

  #lastOfStream(stream: string): Promise<Position> {
    const doing = `looking at ${stream}`;
    return this.#turn(doing, () =>
      this.#link.ask({
        subject: `$JS.API.STREAM.INFO.${stream}`,
        payload: "",
        receive: (message) => lastOfStreamIn(message, doing),
      }),
    );
  }

  #fromLeader(stream: string, which: LeaderQuestion, manner?: Manner): Promise<RawMessage | undefined> {
    const doing = `reading ${stream} ${which.last_by_subj ?? which.next_by_subj}`;
    return this.#turn(
      doing,
      async () => {
        const found = await this.#link.ask({
          subject: `$JS.API.STREAM.MSG.GET.${stream}`,
          payload: JSON.stringify(which),
          receive: (message) => ({ message: leaderMessageOf(message, stream, doing) }),
        });
        return found.message;
      },
      manner,
    );
  }

  async #turn<T>(
    doing: string,
    work: () => Promise<T>,
    manner: Manner = (read) => patiently(read, this.#options, this.#hurry.signal),
  ): Promise<T> {
    if (this.#pending >= this.#options.maxPendingReads) {
      throw new EventLogError("LOG_OVERLOADED", `${doing}: ${this.#pending} reads wait already`);
    }
    this.#pending++;
    try {
      // A read that waits for its stream to come back holds no turn, so that reads of other streams go first.
      return await manner(async () => {
        await this.#turns.acquire();
        try {
          return await work();
        } catch (thrown) {
          throw logError(thrown, doing, "read");
        } finally {
          this.#turns.release();
        }
      });
    } finally {
      this.#pending--;
    }
  }
}

/** How a read is tried. */
type Manner = <T>(read: () => Promise<T>) => Promise<T>;

const atOnce: Manner = (read) => read();

const END_OF_BATCH = 204;
/** How often a read that does not reach the newest message is tried; each time another server may answer. */
const MAX_STALE_READS = 100;

function messageOf(message: Msg, stream: string, doing: string): StoredMessage | undefined {
  const found = rawMessageOf(message, stream, doing);
  return found === undefined ? undefined : decoded(found);
}

/** The payload of a request to the leader, in the server's terms. */
type LeaderQuestion =
  | { readonly last_by_subj: string; readonly next_by_subj?: undefined }
  | { readonly seq: number; readonly next_by_subj: string; readonly last_by_subj?: undefined };

function decoded({ data, ...origin }: RawMessage): StoredMessage {
  return { ...origin, ...decodeStored(data, origin) };
}

export function staleRead({ stream, subject }: Source): EventLogError {
  const text = `reading ${stream} ${subject}: the servers that answer do not have what was acknowledged yet`;
  return new EventLogError("LOG_UNAVAILABLE", text);
}
