// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { describeError, ExpiryList, ExpiryPlace, ExpiryQueue, toError } from "../base/mod.ts";
import type { Connection, StatusError } from "../grpc/mod.ts";
import { CallError } from "../grpc/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { UserFunctionOptions } from "./options.ts";
import { busy } from "./user-function-error.ts";

/** A stream of an entity, or a unary call, on which the user function may still have to answer for the first time. */
export interface WatchedStream {
  /** Whether the user function has sent anything on it, which shows that it serves the stream. */
  isHeard: boolean;
  /** Its place among those that wait for their first answer. `StreamRoom` makes it. */
  silence?: ExpiryPlace<WatchedStream>;
  /** Ends the call with this error, because the user function takes no calls. */
  refuse(error: StatusError): void;
}

export interface StreamRoomDependencies {
  readonly options: Pick<UserFunctionOptions, "maxUserFunctionStreams" | "streamSilenceMs" | "streamWaitMs">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Asks the entity that is idle longest to end its stream. False: none is idle. */
  readonly makeRoom: () => boolean;
  /** Sends the user function a report. Resolves when it has answered; rejects if it has not after `timeoutMs`. */
  readonly ask: (text: string, timeoutMs: number) => Promise<void>;
}

/** The members of a connection that counting its streams needs. */
export type CountedConnection = Pick<Connection, "openStreams" | "maxStreams" | "onRoom">;

/** A caller that waits for room to open a stream. */
interface Waiter {
  readonly open: () => void;
  readonly refuse: (error: StatusError) => void;
}

/** A user function that takes calls answers a report within this part of `streamSilenceMs`; otherwise it is crowded. */
const GRACE_PART = 1 / 4;

/**
 * Bounds the streams that the user function takes at a time, and queues the callers that wait for one. Each entity in
 * memory holds a stream.
 *
 * 1. (I11) No more streams are open than the user function's HTTP/2 settings (SETTINGS_MAX_CONCURRENT_STREAMS) and
 *    `maxUserFunctionStreams` allow. A caller that needs one more waits in a queue while idle entities leave, up to
 *    `streamWaitMs`. Then it gets USER_FUNCTION_BUSY.
 * 2. The user function may serve fewer streams than its settings allow: a server with a pool of threads accepts a
 *    stream and leaves it unread. So the proxy sends a report as a probe if a stream has had no answer for
 *    `streamSilenceMs`, more streams are open than the user function is known to serve, and some of them belong to
 *    entities. If the probe is answered, the user function is slow and serves all streams. If not, it is crowded: it
 *    serves as many streams as have had an answer, idle entities leave, and the log says so. (The user function reads
 *    the probe after the stream, so it has begun with the stream if it answers the probe.)
 * 3. After it was crowded, an idle entity leaves before a stream beyond that number is opened. If the number was
 *    wrong, this delays no caller. The number is forgotten when more streams have had an answer at the same time.
 * 4. If a crowded user function has not answered the probe of 2 for `streamWaitMs`, calls without an answer get
 *    USER_FUNCTION_BUSY.
 */
export class StreamRoom {
  readonly #dependencies: StreamRoomDependencies;
  readonly #waiting = new Set<Waiter>();
  readonly #waits: ExpiryQueue<Waiter>;
  /** Streams and calls that wait for their first answer. */
  readonly #asked: ExpiryList<WatchedStream>;
  /** Streams and calls without an answer for which the user function probably has no room. */
  readonly #stuck = new Set<WatchedStream>();
  #connection: CountedConnection | undefined;
  /** Streams of entities that were heard and not ended: each is being served. */
  #held = 0;
  /** The user function is known to serve so many streams at a time. */
  #known = 0;
  #crowdedAt: number | undefined;
  #asking = false;
  /** The user function answered the last probe, and gets no further one before this time (monotonic milliseconds). */
  #trustedUntilMs = 0;

  constructor(dependencies: StreamRoomDependencies) {
    const { clock, options } = dependencies;
    this.#dependencies = dependencies;
    this.#asked = new ExpiryList(clock, options.streamSilenceMs, (stream) => this.#onSilence(stream));
    this.#waits = new ExpiryQueue(clock, options.streamWaitMs, (waiter) => {
      this.#waiting.delete(waiter);
      waiter.refuse(this.#fullError());
    });
  }

  /** The user function is connected. */
  attach(connection: CountedConnection): void {
    this.#connection = connection;
    connection.onRoom(() => this.#admit());
  }

  /** The connection has ended. Callers that wait for a stream get the error; the open streams end by themselves. */
  detach(error: StatusError): void {
    this.#connection = undefined;
    this.#known = 0;
    this.#crowdedAt = undefined;
    this.#trustedUntilMs = 0;
    this.#stuck.clear();
    this.#asked.clear();
    this.#waits.clear();
    for (const waiter of this.#waiting) waiter.refuse(error);
    this.#waiting.clear();
  }

  /** Streams that may be open at a time. */
  get maxStreams(): number {
    const { maxUserFunctionStreams: bound } = this.#dependencies.options;
    const own = bound === 0 ? Number.POSITIVE_INFINITY : bound;
    return Math.min(own, this.#connection?.maxStreams ?? Number.POSITIVE_INFINITY);
  }

  /** Whether a caller waits for a stream, or for the first answer on one, because the user function has no room. */
  get isCrowded(): boolean {
    return this.#waiting.size > 0 || (this.#crowdedAt !== undefined && this.#stuck.size > 0);
  }

  /** Streams and calls that are open, and callers that wait for one. */
  get use(): { readonly open: number; readonly waiting: number } {
    return { open: this.#openStreams, waiting: this.#waiting.size };
  }

  /** What is wrong, for people; undefined if nothing is. */
  get problem(): string | undefined {
    if (this.#crowdedAt === undefined) return undefined;
    return `it serves ${this.#crowdedAt} streams at a time and leaves others without an answer; each entity in memory holds one`;
  }

  /**
   * Calls `open`, which opens one stream, at once or as soon as there is room for it, and gives its result.
   *
   * @throws StatusError what `open` throws; in the promise also `USER_FUNCTION_BUSY`.
   */
  withRoom<T>(open: () => T): T | Promise<T> {
    const isOverKnown = this.#crowdedAt !== undefined && this.#openStreams >= this.#crowdedAt;
    if (this.#waiting.size === 0 && this.#hasRoom) {
      if (isOverKnown) this.#dependencies.makeRoom();
      return open();
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        open: () => {
          try {
            resolve(open());
          } catch (error) {
            reject(toError(error));
          }
        },
        refuse: reject,
      };
      this.#waiting.add(waiter);
      this.#waits.touch(waiter);
      this.#dependencies.makeRoom();
    });
  }

  /** A command was sent on a stream or call that has had no answer yet. */
  asked(stream: WatchedStream): void {
    // If no entity holds a stream, no room can be made.
    if (this.#held === 0 || this.#connection === undefined) return;
    this.#asked.touch((stream.silence ??= new ExpiryPlace(stream)));
    if (this.#crowdedAt !== undefined && this.#openStreams > this.#crowdedAt) this.#stuck.add(stream);
  }

  /** The first answer came on a stream of an entity. */
  heard(stream: WatchedStream): void {
    this.#settle(stream);
    stream.isHeard = true;
    this.#held++;
    this.#known = Math.max(this.#known, this.#held);
    if (this.#crowdedAt !== undefined && this.#held > this.#crowdedAt) this.#crowdedAt = undefined;
  }

  /** The stream has ended on either side, or the user function was asked to end it. */
  over(stream: WatchedStream): void {
    this.#settle(stream);
    if (stream.isHeard) this.#held--;
    stream.isHeard = false;
  }

  get #openStreams(): number {
    return this.#connection?.openStreams ?? 0;
  }

  get #hasRoom(): boolean {
    return this.#openStreams < this.maxStreams;
  }

  #settle(stream: WatchedStream): void {
    if (stream.silence !== undefined) this.#asked.forget(stream.silence);
    this.#stuck.delete(stream);
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasRoom) return;
      this.#waiting.delete(waiter);
      this.#waits.forget(waiter);
      waiter.open();
    }
  }

  #onSilence(stream: WatchedStream): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#held === 0 || this.#openStreams <= this.#known) return void this.#stuck.delete(stream);
    const { clock, makeRoom } = this.#dependencies;
    const isFull = connection.openStreams >= connection.maxStreams;
    if (isFull) makeRoom();
    if (isFull || clock.monotonicMs() < this.#trustedUntilMs)
      return this.#asked.touch((stream.silence ??= new ExpiryPlace(stream)));
    this.#stuck.add(stream);
    if (this.#crowdedAt !== undefined) makeRoom();
    if (!this.#asking) void this.#ask(connection);
  }

  /** (2, 4) */
  async #ask(connection: CountedConnection): Promise<void> {
    const { ask, clock, options } = this.#dependencies;
    const { streamSilenceMs, streamWaitMs } = options;
    const open = this.#openStreams;
    const text =
      `a new stream has had no answer for ${streamSilenceMs} ms, and ${open} are open. If the user function needs a ` +
      "thread for each, it has too few. (With this call the proxy asks whether it still takes calls.)";
    this.#asking = true;
    const graceMs = streamSilenceMs * GRACE_PART;
    const grace = clock.schedule(graceMs, () => {
      if (this.#connection === connection) this.#onCrowded();
    });
    const timeoutMs = Math.max(streamWaitMs - streamSilenceMs, graceMs);
    const isTaken = await this.#isTaken(ask(text, timeoutMs));
    grace.cancel();
    this.#asking = false;
    if (this.#connection !== connection) return;
    if (!isTaken) return this.#refuseStuck();
    this.#stuck.clear();
    if (this.#crowdedAt !== undefined) return;
    this.#known = Math.max(this.#known, open);
    this.#trustedUntilMs = clock.monotonicMs() + streamWaitMs;
  }

  async #isTaken(asked: Promise<void>): Promise<boolean> {
    try {
      await asked;
      return true;
    } catch (error) {
      // An error status from the user function is an answer too.
      if (error instanceof CallError) return true;
      this.#dependencies.telemetry.logger.debug("the user function takes no calls", {
        error: describeError(error),
      });
      return false;
    }
  }

  #onCrowded(): void {
    if (this.#crowdedAt === undefined) {
      this.#crowdedAt = this.#held;
      this.#dependencies.telemetry.logger.warn("the user function leaves new streams without an answer", {
        served: this.#held,
        open: this.#openStreams,
        advice:
          "each entity in memory holds a stream; give the user function a thread for each, or say with --max-user-function-streams how many it has",
      });
    }
    for (let i = 0; i < this.#stuck.size; i++) if (!this.#dependencies.makeRoom()) return;
  }

  #refuseStuck(): void {
    const { streamWaitMs } = this.#dependencies.options;
    const text =
      `the user function has not answered on a new stream for ${streamWaitMs} ms, while it serves ${this.#held} ` +
      "others, none of which is idle; try again later";
    for (const stream of this.#stuck) {
      this.#settle(stream);
      stream.refuse(busy(text));
    }
  }

  #fullError(): StatusError {
    const { streamWaitMs } = this.#dependencies.options;
    const text = `the user function takes ${this.maxStreams} streams at a time, and none became free within ${streamWaitMs} ms`;
    return busy(`${text}; try again later`);
  }
}
