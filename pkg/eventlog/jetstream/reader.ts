// SPDX-License-Identifier: Apache-2.0

import type { Msg } from "@nats-io/transport-node";

import { Semaphore } from "../../base/mod.ts";
import type { NatsLink, Question } from "../../nats/mod.ts";

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

export interface StoredMessage extends Stored, Origin, Pick<RawMessage, "follows" | "replaces"> {}

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
 * Reads streams by direct get, which involves no consumer and no leader of the cluster's metadata. Any server with a
 * copy of a replicated stream may answer, and one that lags behind lacks the newest messages (clause 4 of
 * `event-log.ts`). So for these the reader asks the stream's leader for the last, and repeats a read until it is there.
 *
 * All methods throw EventLogError. Each request waits up to `readDeadlineMs` for a log that does not answer
 * (`patience.ts`), except for `firstBehind`, whose caller retries itself.
 */
export class Reader {
  readonly #link: NatsLink;
  readonly #options: JetStreamLogOptions;
  readonly #facts: StreamFacts;
  readonly #turns: Semaphore;
  readonly #hurry = new AbortController();
  #pending = 0;

  constructor(link: NatsLink, options: JetStreamLogOptions, facts: StreamFacts) {
    this.#link = link;
    this.#options = options;
    this.#facts = facts;
    this.#turns = new Semaphore(options.maxReadsInFlight);
  }

  async #page(source: Source, after: Position, bounds: PageBounds): Promise<MessagePage> {
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
   * A page of an entity's messages after a sequence, and never without one that was acknowledged before the call.
   * `until` is the sequence of the entity's last message, if the caller knows it.
   */
  async currentPage(
    source: Source,
    after: Position,
    bounds: PageBounds,
    until?: Position,
  ): Promise<MessagePage> {
    const last = until ?? (await this.horizon(source));
    for (let attempt = 0; attempt < MAX_STALE_READS; attempt++) {
      const page = await this.#page(source, after, bounds);
      if (!page.end || (page.messages.at(-1)?.sequence ?? after) >= last) return page;
    }
    throw staleRead(source);
  }

  /** The last message, never older than what was acknowledged before. `undefined` also if it cannot be read. */
  async last(source: Source): Promise<StoredMessage | undefined> {
    const found = await this.lastRaw(source);
    return found === undefined ? undefined : decoded(found);
  }

  lastRaw(source: Source): Promise<RawMessage | undefined> {
    if (this.#facts.replicated) return this.#fromLeader(source.stream, { last_by_subj: source.subject });
    const { stream, subject } = source;
    const doing = `reading ${stream} ${subject}`;
    return this.#askForOne(doing, {
      subject: `$JS.API.DIRECT.GET.${stream}.${subject}`,
      payload: "",
      receive: (message) => rawMessageOf(message, stream, doing),
    });
  }

  /** Tells a subject without messages from one whose last message is unreadable; `last` gives undefined for both. */
  presence({ stream, subject }: Source, upTo?: Position): Promise<Presence> {
    const doing = `reading ${stream} ${subject}`;
    return this.#ask(doing, {
      subject: `$JS.API.DIRECT.GET.${stream}`,
      payload: JSON.stringify({ multi_last: [subject], batch: 1, up_to_seq: upTo }),
      receive: (message) => presenceOf(message, stream, doing),
    });
  }

  /** Finds the sequence of an unreadable last message, which the server does not tell, by binary search. */
  async lastUnreadable(source: Source): Promise<Position> {
    let [below, found] = [NO_POSITION, await this.#lastOfStream(source.stream)];
    while (found - below > 1) {
      const middle = Math.floor((below + found) / 2);
      if ((await this.presence(source, middle)) === "unreadable") found = middle;
      else below = middle;
    }
    return found;
  }

  /** What a read of a replicated stream must reach to have all that was acknowledged before; 0 for others. */
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
    const found = await this.#fromLeader(stream, { seq: after + 1, next_by_subj: subject }, false);
    return found === undefined ? undefined : decoded(found);
  }

  at(stream: string, sequence: Position): Promise<StoredMessage | undefined> {
    const doing = `reading ${stream} ${sequence}`;
    return this.#askForOne(doing, {
      subject: `$JS.API.DIRECT.GET.${stream}`,
      payload: JSON.stringify({ seq: sequence }),
      receive: (message) => messageOf(message, stream, doing),
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
    const receive = (message: Msg) => lastOfStreamIn(message, doing);
    return this.#ask(doing, { subject: `$JS.API.STREAM.INFO.${stream}`, payload: "", receive });
  }

  #fromLeader(stream: string, which: LeaderQuestion, isPatient = true): Promise<RawMessage | undefined> {
    const doing = `reading ${stream} ${which.last_by_subj ?? which.next_by_subj}`;
    const receive = (message: Msg) => leaderMessageOf(message, stream, doing);
    const question = { subject: `$JS.API.STREAM.MSG.GET.${stream}`, payload: JSON.stringify(which), receive };
    return this.#askForOne(doing, question, isPatient);
  }

  /** For an answer of one message, which may say that there is nothing (`receive` returns undefined). */
  async #askForOne<T>(doing: string, question: Question<T>, isPatient = true): Promise<T | undefined> {
    const { subject, payload, receive } = question;
    const wrapped = { subject, payload, receive: (message: Msg) => ({ found: receive(message) }) };
    return (await this.#ask(doing, wrapped, isPatient)).found;
  }

  #ask<T>(doing: string, question: Question<T>, isPatient = true): Promise<T> {
    return this.#turn(doing, () => this.#link.ask(question), isPatient);
  }

  async #turn<T>(doing: string, work: () => Promise<T>, isPatient = true): Promise<T> {
    if (this.#pending >= this.#options.maxPendingReads) {
      throw new EventLogError("LOG_OVERLOADED", `${doing}: ${this.#pending} reads wait already`);
    }
    this.#pending++;
    // A read that waits for its stream to come back holds no turn, so that reads of other streams go first.
    const read = async (): Promise<T> => {
      await this.#turns.acquire();
      try {
        return await work();
      } catch (thrown) {
        throw logError(thrown, doing, "read");
      } finally {
        this.#turns.release();
      }
    };
    try {
      return await (isPatient ? patiently(read, this.#options, this.#hurry.signal) : read());
    } finally {
      this.#pending--;
    }
  }
}

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
