// SPDX-License-Identifier: Apache-2.0

import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

import { assert, toError, unreachable } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { Batch, BatchOutcome } from "./batch.ts";
import { fromErrorMessage } from "./sqlite-error.ts";
import type { FromWriter, ToWriter, WriterStart, WriterState } from "./writer-protocol.ts";

/** Memory limits of the writer thread. Batches and pages are outside its heap and bounded by other settings. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 };

type State =
  | { readonly kind: "starting" }
  | { readonly kind: "idle" }
  | { readonly kind: "busy"; readonly answer: PromiseWithResolvers<BatchOutcome> }
  | { readonly kind: "closing" }
  | { readonly kind: "lost"; readonly error: EventLogError };

/**
 * The log's side of its writer thread.
 *
 * 1. It sends one batch or check at a time, the next one after the answer to the last.
 * 2. If the thread ends unexpectedly while it has a batch, the batch fails with `OUTCOME_UNKNOWN`. A link is not used
 *    again after that: it calls `onLost` once, before the batch's promise rejects. `exited` resolves when the thread
 *    has ended and no longer has the file open.
 * 3. A writer whose file is displaced (no longer at its path) is kept. The link calls `onDisplaced` before the
 *    batch's promise rejects.
 */
export class WriterLink {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #events: WriterEvents;
  readonly #exited = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<Ready>();
  #state: State = { kind: "starting" };
  #fault: Error | undefined;

  constructor(start: WriterStart, events: WriterEvents) {
    this.#path = start.path;
    this.#events = events;
    this.#worker = events.createWorker(start);
    this.#worker.on("message", (message: FromWriter) => this.#receive(message));
    this.#worker.on("error", (thrown) => (this.#fault = toError(thrown)));
    this.#worker.on("exit", () => this.#exit());
  }

  /** Resolves when the file is open for writing. @throws EventLogError */
  started(): Promise<Ready> {
    return this.#started.promise;
  }

  /** @throws EventLogError: nothing is stored unless it is `OUTCOME_UNKNOWN`. */
  commit(batch: Batch): Promise<BatchOutcome> {
    return this.#ask({ kind: "commit", batch }, [batch.bytes.buffer]);
  }

  /** @throws EventLogError what a batch would meet. */
  async check(thorough: boolean): Promise<void> {
    await this.#ask({ kind: "check", thorough });
  }

  exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** Lets the writer finish and waits until its thread is gone. */
  async close(): Promise<void> {
    if (this.#state.kind === "idle") {
      this.#state = { kind: "closing" };
      this.#worker.postMessage({ kind: "close" } satisfies ToWriter);
    }
    await this.#exited.promise;
  }

  #ask(message: ToWriter, transfer: ArrayBuffer[] = []): Promise<BatchOutcome> {
    if (this.#state.kind === "lost") return Promise.reject(this.#state.error);
    assert(this.#state.kind === "idle", "the writer gets one batch or check at a time");
    const answer = Promise.withResolvers<BatchOutcome>();
    this.#state = { kind: "busy", answer };
    this.#worker.postMessage(message, transfer);
    return answer.promise;
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case "ready":
        this.#started.resolve(message);
        this.#state = { kind: "idle" };
        return;
      case "refused":
        if (this.#state.kind === "starting") this.#lose(fromErrorMessage(message.error));
        return;
      case "committed":
        return this.#answer((answer) => answer.resolve(message.outcome));
      case "failed":
        return this.#fail(fromErrorMessage(message.error), message.after);
      case "warning":
        return this.#events.onWarning(fromErrorMessage(message.error));
      default:
        return unreachable(message);
    }
  }

  #answer(settle: (answer: PromiseWithResolvers<BatchOutcome>) => void): void {
    if (this.#state.kind !== "busy") return;
    const { answer } = this.#state;
    this.#state = { kind: "idle" };
    settle(answer);
  }

  #fail(error: EventLogError, after: WriterState): void {
    if (after === "lost") {
      this.#lose(error);
      return void this.#worker.terminate();
    }
    if (after === "displaced") this.#events.onDisplaced(error);
    this.#answer((answer) => answer.reject(error));
  }

  #exit(): void {
    if (this.#state.kind !== "closing") {
      const text = `${this.#path}: the writer ended unexpectedly`;
      const code = this.#state.kind === "busy" ? "OUTCOME_UNKNOWN" : "LOG_UNAVAILABLE";
      this.#lose(new EventLogError(code, text, { cause: this.#fault }));
    }
    this.#exited.resolve();
  }

  #lose(error: EventLogError): void {
    const state = this.#state;
    if (state.kind === "lost") return;
    const later = new EventLogError("LOG_UNAVAILABLE", error.message, { cause: error });
    this.#state = { kind: "lost", error: later };
    if (state.kind === "starting") return this.#started.reject(error);
    this.#events.onLost(later);
    if (state.kind === "busy") state.answer.reject(error);
  }
}

type Ready = Extract<FromWriter, { readonly kind: "ready" }>;

export interface WriterEvents {
  /** A failure that affects no caller, such as that of a checkpoint of the write-ahead log. */
  readonly onWarning: (error: EventLogError) => void;
  /** A writer that had started has ended, or its view of the files can no longer be trusted. */
  readonly onLost: (error: EventLogError) => void;
  /** The file that it writes to is not at its path any more. */
  readonly onDisplaced: (error: EventLogError) => void;
  readonly createWorker: CreateWorker;
}

export type CreateWorker = (start: WriterStart) => Worker;

export function createWriterWorker(start: WriterStart): Worker {
  // Without the compile cache the thread loads its own compiler, which doubles its memory and the time to start.
  const cache = getCompileCacheDir();
  return new Worker(new URL("./writer-worker.ts", import.meta.url), {
    name: "event-log-writer",
    workerData: start,
    // The folder that `getCompileCacheDir` names is of this Node.js version; the variable takes the one above.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    execArgv: [],
    resourceLimits: RESOURCE_LIMITS,
  });
}
