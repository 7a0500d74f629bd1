// SPDX-License-Identifier: Apache-2.0

import type { BackoffOptions } from "../../base/mod.ts";
import { backoffMs, sleep } from "../../base/mod.ts";

import type { EventLogCode, Position } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import { nameOf } from "../limits.ts";
import type { Found } from "./append-steps.ts";
import { afterLook, afterPublish, beginAppend } from "./append-steps.ts";
import type { Mark } from "./author.ts";
import { isSameMark } from "./author.ts";
import { isForbidden, logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import type { Publish, PublishAnswer, Publisher } from "./publisher.ts";
import type { Reader } from "./reader.ts";

/** A message to be stored, with the mark by which it is recognised later. */
export interface Write extends Publish {
  readonly stream: string;
  readonly mark: Mark;
}

type OnAnswer = (write: Write, answer: PublishAnswer) => void;

/** Starts short because most obstacles pass at once, and grows because an election takes seconds. */
const BACKOFF: BackoffOptions = { minMs: 5, maxMs: 1_000, jitter: 0.3 };

/** How often another process may store its message first before the caller gets an error. */
const MAX_RACES = 64;

const UNREADABLE: readonly EventLogCode[] = ["LOG_CORRUPT", "LOG_TOO_NEW"];

/**
 * Stores each message only after the position that it expects (the fence), and finds out whether it is stored
 * (`append-steps.ts`). At most `maxPendingAppends` and `maxPendingBytes` wait or are under way (I11).
 */
export class Appender {
  readonly #publisher: Publisher;
  readonly #reader: Reader;
  readonly #options: JetStreamLogOptions;
  readonly #onAnswer: OnAnswer;
  #pending = 0;
  #pendingBytes = 0;

  constructor(publisher: Publisher, reader: Reader, options: JetStreamLogOptions, onAnswer: OnAnswer) {
    this.#publisher = publisher;
    this.#reader = reader;
    this.#options = options;
    this.#onAnswer = onAnswer;
  }

  /** Gives the message's sequence. @throws EventLogError: nothing is stored unless it is `OUTCOME_UNKNOWN`. */
  async append(write: Write): Promise<Position> {
    this.#admit(write);
    const { clock, random, appendDeadlineMs } = this.#options;
    let state = beginAppend(clock.monotonicMs() + appendDeadlineMs);
    try {
      for (;;) {
        const answer = await this.#publisher.publish(write);
        this.#onAnswer(write, answer);
        let step = afterPublish(state, answer, clock.monotonicMs());
        if (step.kind === "look") {
          const found = await this.#look(write);
          step = afterLook(step.state, step.failure, found, clock.monotonicMs());
        }
        if (step.kind === "stored") return step.sequence;
        if (step.kind === "failed") throw step.error;
        state = step.state;
        const leftMs = state.deadlineMs - clock.monotonicMs();
        await sleep(clock, Math.min(backoffMs(state.failures, BACKOFF, random), leftMs));
      }
    } finally {
      this.#pending--;
      this.#pendingBytes -= write.payload.byteLength;
    }
  }

  /**
   * Appends what `next` makes of what it reads; nothing if that is undefined. If another process was faster, `next`
   * reads again. If others are faster all the time, `overtaken` is the text of the error.
   */
  async appendLatest(next: () => Promise<Write | undefined>, overtaken: string): Promise<void> {
    for (let attempt = 0; attempt < MAX_RACES; attempt++) {
      const write = await next();
      if (write === undefined) return;
      try {
        await this.append(write);
        return;
      } catch (thrown) {
        if (!(thrown instanceof EventLogError) || thrown.code !== "APPEND_CONFLICT") throw thrown;
      }
    }
    throw new EventLogError("LOG_OVERLOADED", overtaken);
  }

  async #look({ stream, subject, expected, mark, entity }: Write): Promise<Found> {
    try {
      const first = await this.#reader.firstBehind({ stream, subject }, expected);
      if (first === undefined) return { kind: "nothing" };
      const { sequence, follows = expected } = first;
      if (isSameMark(first.mark, mark)) return { kind: "ours", sequence };
      return { kind: follows > expected ? "overwritten" : "foreign", sequence };
    } catch (thrown) {
      const error = logError(thrown, nameOf(entity), "read");
      return { kind: "unreadable", error, forGood: isForbidden(error) || UNREADABLE.includes(error.code) };
    }
  }

  #admit({ payload, entity }: Write): void {
    const { maxPendingAppends, maxPendingBytes } = this.#options;
    const isFull = this.#pending >= maxPendingAppends;
    const bytes = payload.byteLength;
    if (isFull || (this.#pending > 0 && this.#pendingBytes + bytes > maxPendingBytes)) {
      const text = `${nameOf(entity)}: ${this.#pending} appends (${this.#pendingBytes} bytes) wait already`;
      throw new EventLogError("LOG_OVERLOADED", text);
    }
    this.#pending++;
    this.#pendingBytes += bytes;
  }
}
