// SPDX-License-Identifier: Apache-2.0

import { toError } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import { appendConflict, nameOf } from "../limits.ts";
import type { Batch, BatchOutcome, Operation } from "./batch.ts";
import { CONFLICT, packBatch } from "./batch.ts";
import type { SqliteLogOptions } from "./options.ts";

type CommitQueueOptions = Pick<SqliteLogOptions, "maxPendingAppends" | "maxPendingBytes" | "maxBatchBytes">;

interface Pending extends Operation {
  readonly resolve: (position: number) => void;
  readonly reject: (error: EventLogError) => void;
}

/**
 * Collects appends while a batch is being written and sends them as the next batch (group commit). So a single caller
 * waits for one fsync, and many callers share one.
 *
 * 1. The writer has one batch at a time; operations keep their order.
 * 2. An idle queue sends at the end of the event loop's turn. So callers that were woken by the same batch, or whose
 *    requests arrived together, share the next batch too.
 * 3. Operations that wait or are being written count against the bounds (I11).
 * 4. Other work for the writer (`between`) runs while no batch is being written, before the batches that wait.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #send: (batch: Batch) => Promise<BatchOutcome>;
  readonly #onCommitted: (operations: readonly Operation[]) => void;
  #waiting: Pending[] = [];
  #between: (() => Promise<void>)[] = [];
  #pendingCount = 0;
  #pendingBytes = 0;
  #sending = false;
  #idle = Promise.withResolvers<void>();

  constructor(
    options: CommitQueueOptions,
    send: (batch: Batch) => Promise<BatchOutcome>,
    onCommitted: (operations: readonly Operation[]) => void,
  ) {
    this.#options = options;
    this.#send = send;
    this.#onCommitted = onCommitted;
  }

  /** Gives the position of the stored record, `NO_POSITION` for operations without one. @throws EventLogError */
  add(operation: Operation): Promise<number> {
    return new Promise((resolve, reject) => {
      const { kind, entity, position, bytes } = operation;
      const overload = this.#overload(bytes.byteLength);
      if (overload !== undefined) return reject(overload);
      this.#waiting.push({ kind, entity, position, bytes, resolve, reject });
      this.#pendingCount++;
      this.#pendingBytes += bytes.byteLength;
      this.#start();
    });
  }

  /** Runs `work` between two batches; rejects as it does. Without a bound: the caller has one at a time. */
  between(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#between.push(() => work().then(resolve, reject));
      this.#start();
    });
  }

  async settled(): Promise<void> {
    while (this.#sending) await this.#idle.promise;
  }

  #start(): void {
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 || this.#between.length > 0) {
      const works = this.#between;
      this.#between = [];
      for (const work of works) await work();
      if (this.#waiting.length === 0) continue;
      const operations = this.#takeBatch();
      try {
        const outcome = await this.#send(packBatch(operations));
        this.#onCommitted(operations);
        for (const [index, operation] of operations.entries()) settle(operation, outcome[index] as number);
      } catch (thrown) {
        for (const operation of operations) operation.reject(ownError(thrown, operation));
      }
      for (const operation of operations) this.#pendingBytes -= operation.bytes.byteLength;
      this.#pendingCount -= operations.length;
    }
    this.#sending = false;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers<void>();
  }

  #takeBatch(): Pending[] {
    let bytes = 0;
    let count = 0;
    for (const operation of this.#waiting) {
      count++;
      bytes += operation.bytes.byteLength;
      if (bytes >= this.#options.maxBatchBytes) break;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #overload(bytes: number): EventLogError | undefined {
    const { maxPendingAppends, maxPendingBytes } = this.#options;
    if (this.#pendingCount === 0) return undefined;
    if (this.#pendingCount < maxPendingAppends && this.#pendingBytes + bytes <= maxPendingBytes)
      return undefined;
    const text = `${this.#pendingCount} appends with ${this.#pendingBytes} bytes wait already (maxPendingAppends, maxPendingBytes)`;
    return new EventLogError("LOG_OVERLOADED", text);
  }
}

function settle(operation: Pending, outcome: number): void {
  if (outcome === CONFLICT) operation.reject(appendConflict(operation.entity, operation.position));
  else operation.resolve(outcome);
}

/** A separate error for each caller, because a caller may add to it. */
function ownError(thrown: unknown, { entity }: Operation): EventLogError {
  const code = thrown instanceof EventLogError ? thrown.code : "OUTCOME_UNKNOWN";
  return new EventLogError(code, `${nameOf(entity)}: ${toError(thrown).message}`, { cause: thrown });
}
