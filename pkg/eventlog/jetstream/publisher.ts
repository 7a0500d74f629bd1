// SPDX-License-Identifier: Apache-2.0

import { Buffer } from "node:buffer";

import type { Msg, MsgHdrs } from "@nats-io/transport-node";

import { assert, Semaphore } from "../../base/mod.ts";
import type { NatsLink, NatsRequest } from "../../nats/mod.ts";
import { isNoResponder } from "../../nats/mod.ts";

import type { EntityKey, Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { ApiFailure, PublishFailure } from "./api-error.ts";
import { NO_STREAM, publishFailure } from "./api-error.ts";
import { failedPublish } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** The fence (I3): the stream's sequence of the subject's last message, 0 for none. */
export const FENCE = "Nats-Expected-Last-Subject-Sequence";

/** Makes the server remove the subject's earlier messages in the same step in which it stores this one. */
export const ROLLUP = "Nats-Rollup";

/** What the headers and their frame take of `max_payload`, at most. */
const HEADER_BYTES = 100;

/** A message that is stored only if the last message of its subject has the sequence `expected`. */
export interface Publish {
  readonly subject: string;
  readonly expected: Position;
  /** True: it replaces all messages of its subject. */
  readonly replaces?: boolean;
  readonly payload: Uint8Array;
  /** The entity that the message belongs to, for the text of an error. */
  readonly entity: EntityKey;
}

export type PublishAnswer = { readonly kind: "stored"; readonly sequence: Position } | PublishFailure;

/** Publishes with a fence, each message once; at most `maxInFlight` at a time (I11). `publish` never rejects. */
export class Publisher {
  readonly #link: NatsLink;
  readonly #turns: Semaphore;

  constructor(link: NatsLink, options: JetStreamLogOptions) {
    this.#link = link;
    this.#turns = new Semaphore(options.maxInFlight);
  }

  publish(publish: Publish): Promise<PublishAnswer> {
    const { expected, payload, entity } = publish;
    assert(Number.isSafeInteger(expected) && expected >= 0, "a position is a whole number");
    const { maxPayload } = this.#link;
    const bytes = payload.byteLength;
    if (bytes + HEADER_BYTES > maxPayload) {
      const text = `${nameOf(entity)}: ${bytes} bytes are more than the server takes: its max_payload is ${maxPayload}`;
      return Promise.resolve({ kind: "refused", error: new EventLogError("RECORD_TOO_LARGE", text) });
    }
    return new Promise((resolve) => {
      const request = new PublishRequest(publish, this.#turns, resolve);
      if (this.#turns.tryAcquire()) this.#link.send(request);
      else void this.#turns.acquire().then(() => this.#link.send(request));
    });
  }
}

/** Holds one of the turns from when it is sent until it is settled. */
class PublishRequest implements NatsRequest {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: MsgHdrs;
  readonly #entity: EntityKey;
  readonly #turns: Semaphore;
  readonly #resolve: (answer: PublishAnswer) => void;

  constructor(publish: Publish, turns: Semaphore, resolve: (answer: PublishAnswer) => void) {
    this.subject = publish.subject;
    this.payload = publish.payload;
    this.headers = headersOf(publish);
    this.#entity = publish.entity;
    this.#turns = turns;
    this.#resolve = resolve;
  }

  take(message: Msg): boolean {
    this.#settle(answerOf(message, this.#entity));
    return true;
  }

  fail(reason: Error): void {
    this.#settle(failedPublish(reason, nameOf(this.#entity)));
  }

  #settle(answer: PublishAnswer): void {
    this.#turns.release();
    this.#resolve(answer);
  }
}

/** The headers as they are sent. The client calls only `encode` of them. */
function headersOf({ expected, replaces }: Publish): MsgHdrs {
  const rollup = replaces === true ? `${ROLLUP}: sub\r\n` : "";
  const encode = () => Buffer.from(`NATS/1.0\r\n${FENCE}: ${expected}\r\n${rollup}\r\n`, "latin1");
  return { encode } as unknown as MsgHdrs;
}

/** An acknowledgement in the form of recent servers. Any other form is parsed as JSON, which takes twice as long. */
const STORED = /^\{"stream":"[\w-]+", ?"seq":(\d{1,15})\}$/;

function answerOf(message: Msg, entity: EntityKey): PublishAnswer {
  if (isNoResponder(message)) {
    const text = `${nameOf(entity)}: no stream takes it: ${NO_STREAM}`;
    return { kind: "busy", error: new EventLogError("LOG_UNAVAILABLE", text) };
  }
  const text = message.string();
  const digits = STORED.exec(text)?.[1];
  if (digits !== undefined) return { kind: "stored", sequence: Number(digits) };
  const { seq, error } = JSON.parse(text) as { readonly seq?: number; readonly error?: ApiFailure };
  if (error !== undefined) return publishFailure(error, nameOf(entity));
  if (seq === undefined || !Number.isSafeInteger(seq))
    throw new TypeError("the acknowledgement has no sequence");
  return { kind: "stored", sequence: seq };
}
