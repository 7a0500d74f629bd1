// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Random, Timer } from "../../base/mod.ts";
import { backoffMs, describeError, settlesWithin } from "../../base/mod.ts";
import type { Values } from "../../settings/mod.ts";
import { MINUTE_MS } from "../../settings/mod.ts";

import type { TRACE_SETTINGS } from "../settings.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import { SpanBatcher } from "./span-batcher.ts";
import type { Sent, SpanBatch, SpanSink } from "./span-sink.ts";

export type SpanBufferOptions = Pick<
  Values<typeof TRACE_SETTINGS>,
  | "otelBspScheduleDelayMs"
  | "otelBspExportTimeoutMs"
  | "otelBspMaxQueueSize"
  | "otelBspMaxExportBatchSize"
  | "traceQueueBytes"
>;

export interface SpanBufferDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly options: SpanBufferOptions;
}

/** What has become of spans since the start. */
export interface SpanCounts {
  readonly taken: number;
  /** There was no room for them. */
  readonly full: number;
  /** The receiver did not want them. */
  readonly refused: number;
}

/** A batch with so many bytes is sent: receivers of gRPC refuse messages of more than 4 MiB, if nobody sets more. */
const BATCH_BYTES = 1_048_576;

const NO_BATCH: SpanBatch = { spans: new Uint8Array(), count: 0 };

/** Pauses after which a receiver that was away is tried again. */
const BACKOFF = { minMs: 1_000, maxMs: 30_000, jitter: 0.2 };

/**
 * Keeps finished spans, as the bytes that are sent, until a sink has taken them.
 *
 *     no sink ──▶ waiting ◀──▶ sending ──▶ stopped
 *                    ▲            │
 *                    └── pause ◀──┘ the receiver is away
 *
 * 1. At most `otelBspMaxQueueSize` spans are kept, those that are being sent included, and no further one once they
 *    take `traceQueueBytes`. It is dropped and counted (`counts`); nobody ever waits for room (I11).
 * 2. One batch of at most `otelBspMaxExportBatchSize` spans is sent at a time, when so many wait, or `BATCH_BYTES`, or
 *    the oldest has waited `otelBspScheduleDelayMs`.
 * 3. A batch for which the receiver was away is sent again after a pause; one that it refused is dropped and counted.
 * 4. At most one log line a minute tells how many spans were dropped since the last line, and what went wrong last.
 * 5. `stop` tries once to send everything, within its time, and drops what is left.
 */
export class SpanBuffer {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #logger: Logger;
  readonly #options: SpanBufferOptions;
  /** The batch that is not full. */
  readonly #batcher: SpanBatcher;
  /** Batches that wait, oldest first, and what is in them and in the one that is being sent. */
  readonly #waiting: SpanBatch[] = [];
  #waitingSpans = 0;
  #waitingBytes = 0;
  #sink: SpanSink | undefined;
  /** Taken out of those that wait, and not yet taken by the sink. */
  #batch: SpanBatch | undefined;
  #sending: Promise<Sent> | undefined;
  #timer: Timer | undefined;
  #state: "running" | "stopping" | "stopped" = "running";
  /** Times in a row that the receiver was away. */
  #failures = 0;
  /** Since the last line, and so are the next two. */
  #dropped = 0;
  #problem: string | undefined;
  #hasNews = false;
  readonly #counts = { taken: 0, full: 0, refused: 0 };
  /** Runs while a further line would be too early (4). */
  #silence: Timer | undefined;

  constructor({ clock, random, logger, options }: SpanBufferDependencies) {
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger;
    this.#options = options;
    this.#batcher = new SpanBatcher(clock);
  }

  /** Spans that are kept. */
  get size(): number {
    return this.#waitingSpans + this.#batcher.count;
  }

  /** What they take. */
  get bytes(): number {
    return this.#waitingBytes + this.#batcher.bytes;
  }

  get counts(): SpanCounts {
    return this.#counts;
  }

  readonly add = (span: RecordedSpan): void => {
    if (this.#state === "stopped") return;
    if (!this.#hasRoom()) return this.#drop(1, "full");
    try {
      this.#batcher.add(span);
    } catch (thrown) {
      // A mistake of ours, which must not end the process (I12).
      this.#problem = describeError(thrown);
      return this.#drop(1, "refused");
    }
    if (this.#isBatchFull()) this.#endBatch();
    this.#look();
  };

  /** From now on spans are sent there. */
  open(sink: SpanSink): void {
    this.#sink = sink;
    this.#look();
  }

  /** Spans cannot be sent, and will be dropped when the buffer is full. */
  failed(thrown: unknown): void {
    this.#tell(describeError(thrown));
  }

  /** Sends what is left, for at most `timeoutMs` (5). Spans that end later are dropped. */
  async stop(timeoutMs: number): Promise<void> {
    this.#state = "stopping";
    this.#timer?.cancel();
    await settlesWithin(this.#sendRest(), timeoutMs, this.#clock);
    this.#state = "stopped";
    this.#dropped += this.size;
    this.#forget();
    this.#silence?.cancel();
    if (this.#dropped > 0) this.#write();
  }

  /** Sends a batch if one is due, or sees to it that it will be (2). */
  #look(): void {
    if (this.#sink === undefined || this.#sending !== undefined || this.#state !== "running") return;
    const isPausing = this.#batch !== undefined;
    if (this.#waiting.length > 0 && !isPausing) void this.#send(this.#sink);
    else if (this.size > 0)
      this.#timer ??= this.#clock.schedule(this.#options.otelBspScheduleDelayMs, this.#onTimer);
  }

  #hasRoom(): boolean {
    const { otelBspMaxQueueSize, traceQueueBytes } = this.#options;
    return this.size < otelBspMaxQueueSize && this.bytes < traceQueueBytes;
  }

  #isBatchFull(): boolean {
    const { count, bytes } = this.#batcher;
    // What would be dropped else is sent, however the settings are set.
    return count >= this.#options.otelBspMaxExportBatchSize || bytes >= BATCH_BYTES || !this.#hasRoom();
  }

  #endBatch(): void {
    const batch = this.#batcher.take();
    this.#waiting.push(batch);
    this.#waitingSpans += batch.count;
    this.#waitingBytes += batch.spans.length;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    if (this.#sink !== undefined && this.#sending === undefined) void this.#send(this.#sink);
  };

  async #send(sink: SpanSink): Promise<Sent> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sending = this.#withinTime(sink.send((this.#batch ??= this.#take())));
    const sent = await this.#sending;
    this.#sending = undefined;
    this.#settle(sent);
    return sent;
  }

  #settle(sent: Sent): void {
    if (sent.kind === "away") {
      this.#failures++;
      this.#tell(sent.problem);
      if (this.#state !== "running") return;
      const delayMs = Math.round(backoffMs(this.#failures, BACKOFF, this.#random));
      this.#timer = this.#clock.schedule(delayMs, this.#onTimer);
      return;
    }
    const { count, spans } = this.#batch ?? NO_BATCH;
    this.#batch = undefined;
    this.#waitingSpans -= count;
    this.#waitingBytes -= spans.length;
    this.#failures = 0;
    if (sent.kind === "taken") this.#count("taken", count);
    else {
      this.#problem = sent.problem;
      this.#drop(count, "refused");
    }
    this.#look();
  }

  #take(): SpanBatch {
    if (this.#waiting.length === 0) this.#endBatch();
    return this.#waiting.shift() ?? NO_BATCH;
  }

  /** A sink that never answers is one that is away. */
  #withinTime(sending: Promise<Sent>): Promise<Sent> {
    const { otelBspExportTimeoutMs } = this.#options;
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(otelBspExportTimeoutMs, () =>
        resolve({ kind: "away", problem: `no answer within ${otelBspExportTimeoutMs} ms` }),
      );
      void sending.then((sent) => {
        timer.cancel();
        resolve(sent);
      });
    });
  }

  async #sendRest(): Promise<void> {
    await this.#sending;
    while (this.#sink !== undefined && this.size > 0) {
      if ((await this.#send(this.#sink)).kind === "away") return;
    }
  }

  #forget(): void {
    this.#waiting.length = 0;
    this.#waitingSpans = 0;
    this.#waitingBytes = 0;
    this.#batch = undefined;
    this.#batcher.take();
  }

  #count(what: keyof SpanCounts, count: number): void {
    this.#counts[what] += count;
  }

  #drop(count: number, why: "full" | "refused"): void {
    this.#count(why, count);
    this.#dropped += count;
    this.#tell(this.#problem);
  }

  /** Notes that something went wrong, and writes it, now or when the minute is over (4). */
  #tell(problem: string | undefined): void {
    this.#problem = problem;
    this.#hasNews = true;
    if (this.#silence === undefined && this.#state === "running") this.#write();
  }

  #write(): void {
    this.#logger.warn("spans could not be exported", {
      dropped: this.#dropped,
      waiting: this.size,
      ...(this.#problem !== undefined && { error: this.#problem }),
    });
    this.#dropped = 0;
    this.#problem = undefined;
    this.#hasNews = false;
    if (this.#state !== "running") return;
    this.#silence = this.#clock.schedule(MINUTE_MS, () => {
      this.#silence = undefined;
      if (this.#hasNews) this.#write();
    });
  }
}
