// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { Msg } from "@nats-io/transport-node";

import { Semaphore } from "../../base/mod.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { Position } from "../event-log.ts";
import type { Source } from "./layout.ts";
import type { NatsLink } from "./link.ts";
import { fromApi } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { decodeStored } from "./stored.ts";
import type { Origin, Stored } from "./stored.ts";
import type { StreamFacts } from "./streams.ts";

/** A message of a stream. */
export interface StoredMessage extends Stored, Origin {}

export interface MessagePage {
  readonly messages: readonly StoredMessage[];
  /** False: there may be more. */
  readonly end: boolean;
}

/**
 * Reads streams by direct get: no consumer, no leader of the cluster's metadata is involved. Of a replicated stream
 * any server that has a copy may answer, and one that lags behind does not know the newest (clause 4 of
 * `event-log.ts`). There the stream's leader is asked for the last message, and what does not reach it is read again.
 *
 * All methods throw EventLogError.
 */
export class Reader {
  readonly #link: NatsLink;
  readonly #options: JetStreamLogOptions;
  readonly #facts: StreamFacts;
  readonly #turns: Semaphore;
  #pending = 0;

  constructor(link: NatsLink, options: JetStreamLogOptions, facts: StreamFacts) {
    this.#link = link;
    this.#options = options;
    this.#facts = facts;
    this.#turns = new Semaphore(options.maxReadsInFlight);
  }

  /** Messages behind a sequence: one page by the bounds of the log. */
  async page(source: Source, after: Position): Promise<MessagePage> {
    const { pageRecords, pageBytes } = this.#options;
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (;;) {
      const from = messages.at(-1)?.sequence ?? after;
      const batch = await this.#batch(source, from, pageRecords - messages.length, pageBytes - bytes);
      for (const message of batch.messages) {
        messages.push(message);
        bytes += message.bytes.byteLength;
        // The server's count of bytes has headers and subjects in it, so a batch may be shorter than a page.
        if (bytes >= pageBytes || messages.length >= pageRecords) return { messages, end: false };
      }
      if (batch.end) return { messages, end: true };
    }
  }

  /** As `page`, of one entity and never behind what was acknowledged before. */
  async currentPage(source: Source, after: Position): Promise<MessagePage> {
    const last = await this.horizon(source);
    for (let attempt = 0; attempt < MAX_STALE_READS; attempt++) {
      const page = await this.page(source, after);
      if (!page.end || (page.messages.at(-1)?.sequence ?? after) >= last) return page;
    }
    throw staleRead(source);
  }

  /** The last message of a subject, never behind what was acknowledged before. */
  last(source: Source): Promise<StoredMessage | undefined> {
    if (this.#facts.replicated) return this.#fromLeader(source.stream, { last_by_subj: source.subject });
    const { stream, subject } = source;
    const doing = `reading ${stream} ${subject}`;
    return this.#turn(doing, async () => {
      const found = await this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}.${subject}`,
        payload: "",
        doing,
        receive: (message) => ({ message: messageOf(message, stream, doing) }),
      });
      return found.message;
    });
  }

  /** Sequence that a look at a replicated stream must reach to see all that was acknowledged before; 0 for others. */
  async horizon(source: Source): Promise<Position> {
    if (!this.#facts.replicated) return NO_POSITION;
    const last = await this.#fromLeader(source.stream, { last_by_subj: source.subject });
    return last?.sequence ?? NO_POSITION;
  }

  /** The first message of a subject behind a sequence, as the stream's leader knows it. */
  firstBehind({ stream, subject }: Source, after: Position): Promise<StoredMessage | undefined> {
    return this.#fromLeader(stream, { seq: after + 1, next_by_subj: subject });
  }

  /** The message with a sequence. */
  at(stream: string, sequence: Position): Promise<StoredMessage | undefined> {
    const doing = `reading ${stream} ${sequence}`;
    return this.#turn(doing, async () => {
      const found = await this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}`,
        payload: JSON.stringify({ seq: sequence }),
        doing,
        receive: (message) => ({ message: messageOf(message, stream, doing) }),
      });
      return found.message;
    });
  }

  #batch({ stream, subject }: Source, after: Position, records: number, bytes: number): Promise<MessagePage> {
    const doing = `reading ${stream} ${subject}`;
    const messages: StoredMessage[] = [];
    return this.#turn(doing, () =>
      this.#link.ask({
        subject: `$JS.API.DIRECT.GET.${stream}`,
        payload: JSON.stringify({ seq: after + 1, next_by_subj: subject, batch: records, max_bytes: bytes }),
        doing,
        receive: (message): MessagePage | undefined => {
          if (message.headers?.code === END_OF_BATCH) {
            return { messages, end: message.headers.get("Nats-Num-Pending") === "0" };
          }
          const found = messageOf(message, stream, doing);
          if (found === undefined) return { messages, end: true };
          messages.push(found);
          return undefined;
        },
      }),
    );
  }

  #fromLeader(stream: string, which: LeaderQuestion): Promise<StoredMessage | undefined> {
    const doing = `reading ${stream} ${which.last_by_subj ?? which.next_by_subj}`;
    return this.#turn(doing, async () => {
      const found = await this.#link.ask({
        subject: `$JS.API.STREAM.MSG.GET.${stream}`,
        payload: JSON.stringify(which),
        doing,
        receive: (message) => ({ message: leaderMessageOf(message, stream, doing) }),
      });
      return found.message;
    });
  }

  async #turn<T>(doing: string, work: () => Promise<T>): Promise<T> {
    if (this.#pending >= this.#options.maxPendingReads) {
      throw new EventLogError("LOG_OVERLOADED", `${doing}: ${this.#pending} reads wait already`);
    }
    this.#pending++;
    try {
      await this.#turns.acquire();
      try {
        return await work();
      } finally {
        this.#turns.release();
      }
    } finally {
      this.#pending--;
    }
  }
}

const END_OF_BATCH = 204;
const NOT_FOUND = 404;
const NO_RESPONDERS = 503;
const NO_MESSAGE = 10037;

/** A server that lags behind is asked so often; each time another one may answer. */
const MAX_STALE_READS = 100;

function messageOf(message: Msg, stream: string, doing: string): StoredMessage | undefined {
  const { headers } = message;
  const code = headers?.code ?? 0;
  if (code === NOT_FOUND) return undefined;
  if (headers === undefined || code !== 0) {
    const reason =
      code === NO_RESPONDERS ? "no stream answers: it is gone or has no leader now" : headers?.description;
    throw new EventLogError("LOG_UNAVAILABLE", `${doing}: ${reason ?? "an answer without headers"}`);
  }
  const sequence = Number(headers.get("Nats-Sequence"));
  return withOrigin({ stream, sequence, subject: headers.get("Nats-Subject") }, message.data);
}

/** In the server's words. */
type LeaderQuestion =
  | { readonly last_by_subj: string; readonly next_by_subj?: undefined }
  | { readonly seq: number; readonly next_by_subj: string; readonly last_by_subj?: undefined };

interface LeaderAnswer {
  readonly message?: { readonly subject: string; readonly seq: number; readonly data?: string };
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

function leaderMessageOf(message: Msg, stream: string, doing: string): StoredMessage | undefined {
  if (message.headers?.code === NO_RESPONDERS) return messageOf(message, stream, doing);
  const { message: found, error } = message.json<LeaderAnswer>();
  if (error?.err_code === NO_MESSAGE) return undefined;
  if (error !== undefined) {
    const { code, err_code: errCode = 0, description = "" } = error;
    throw fromApi({ code, errCode, description }, doing, "read");
  }
  if (found === undefined) throw new TypeError("the answer has no message");
  const { seq: sequence, subject, data = "" } = found;
  return withOrigin({ stream, sequence, subject }, Buffer.from(data, "base64"));
}

function withOrigin(origin: Origin, data: Uint8Array): StoredMessage {
  return { ...origin, ...decodeStored(data, origin) };
}

function staleRead({ stream, subject }: Source): EventLogError {
  const text = `reading ${stream} ${subject}: the servers that answer do not have what was acknowledged yet`;
  return new EventLogError("LOG_UNAVAILABLE", text);
}
