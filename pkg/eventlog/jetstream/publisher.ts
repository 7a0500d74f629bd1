// SPDX-License-Identifier: Apache-2.0

import { headers } from "@nats-io/transport-node";
import type { Msg } from "@nats-io/transport-node";

import { assert, Semaphore } from "../../base/mod.ts";
import { EventLogError } from "../event-log.ts";
import type { Position } from "../event-log.ts";
import type { NatsLink } from "./link.ts";
import { fromApi } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";

/** The fence (I3), and the only header of ours: the stream's sequence of the subject's last message, 0 for none. */
export const FENCE = "Nats-Expected-Last-Subject-Sequence";

/** What the header and its frame take of `max_payload`, at most. */
const HEADER_BYTES = 100;

/**
 * Publishes to streams behind a fence, many at a time.
 *
 * 1. Each publish is sent once and is stored before it is acknowledged.
 * 2. At most `maxInFlight` are with the server, at most `maxPendingAppends` and `maxPendingBytes` in all (I11).
 */
export class Publisher {
  readonly #link: NatsLink;
  readonly #options: JetStreamLogOptions;
  readonly #turns: Semaphore;
  #pending = 0;
  #pendingBytes = 0;

  constructor(link: NatsLink, options: JetStreamLogOptions) {
    this.#link = link;
    this.#options = options;
    this.#turns = new Semaphore(options.maxInFlight);
  }

  /**
   * Gives the sequence of the message in its stream.
   *
   * @throws EventLogError: nothing is stored unless it is `OUTCOME_UNKNOWN`.
   */
  async publish(subject: string, expected: Position, payload: Uint8Array, doing: string): Promise<Position> {
    assert(Number.isSafeInteger(expected) && expected >= 0, "a position is a whole number");
    const { maxPayload } = this.#link;
    if (payload.byteLength + HEADER_BYTES > maxPayload) {
      const text = `${doing}: ${payload.byteLength} bytes are more than the server takes: its max_payload is ${maxPayload}`;
      throw new EventLogError("RECORD_TOO_LARGE", text);
    }
    this.#admit(payload.byteLength, doing);
    try {
      await this.#turns.acquire();
      try {
        return await this.#send(subject, expected, payload, doing);
      } finally {
        this.#turns.release();
      }
    } finally {
      this.#pending--;
      this.#pendingBytes -= payload.byteLength;
    }
  }

  #send(subject: string, expected: Position, payload: Uint8Array, doing: string): Promise<Position> {
    const fence = headers();
    fence.set(FENCE, `${expected}`);
    const receive = (message: Msg) => sequenceOf(message, doing);
    return this.#link.ask({ subject, payload, headers: fence, doing, effect: "write", receive });
  }

  #admit(bytes: number, doing: string): void {
    const { maxPendingAppends, maxPendingBytes } = this.#options;
    const isFull = this.#pending >= maxPendingAppends;
    if (isFull || (this.#pending > 0 && this.#pendingBytes + bytes > maxPendingBytes)) {
      const text = `${doing}: ${this.#pending} appends (${this.#pendingBytes} bytes) wait already`;
      throw new EventLogError("LOG_OVERLOADED", text);
    }
    this.#pending++;
    this.#pendingBytes += bytes;
  }
}

interface Acknowledgement {
  readonly seq?: number;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

function sequenceOf(message: Msg, doing: string): Position {
  if (message.headers?.code === 503) {
    throw new EventLogError(
      "LOG_UNAVAILABLE",
      `${doing}: no stream takes it: it is gone or has no leader now`,
    );
  }
  const { seq, error } = message.json<Acknowledgement>();
  if (error !== undefined) {
    const { code, err_code: errCode = 0, description = "" } = error;
    throw fromApi({ code, errCode, description }, doing, "write");
  }
  if (seq === undefined || !Number.isSafeInteger(seq))
    throw new TypeError("the acknowledgement has no sequence");
  return seq;
}
