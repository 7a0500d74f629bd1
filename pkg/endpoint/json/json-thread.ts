// SPDX-License-Identifier: Apache-2.0

import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

import type { Clock, Timer } from "../../base/mod.ts";
import { describeError, FairQueue } from "../../base/mod.ts";
import type { OpenRequest } from "../../grpc/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import { HttpError } from "../http/http-error.ts";
import type { FromThread, Task, TaskResult, ThreadStart } from "./task.ts";

/** How long an idle thread is kept, in milliseconds; not longer, because it keeps the memory of its last text. */
const IDLE_MS = 10_000;

/** How long the thread may take to start, in milliseconds. */
const START_MS = 30_000;

const MIB = 1_048_576;

type Converted = Extract<TaskResult, { readonly kind: "done" }>;

/** The call that a text belongs to. */
export interface TextCall {
  /** Whose turn the text takes, and whose memory it is until it has been converted. */
  readonly request: OpenRequest;
  /** True if the result would reach nobody. */
  readonly gone: boolean;
}

interface Job {
  readonly task: Task;
  readonly call: TextCall;
  readonly result: PromiseWithResolvers<Converted>;
}

export interface JsonThreadOptions {
  readonly start: () => ThreadStart;
  /** How long one conversion may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

type State =
  | { readonly kind: "none" }
  | { readonly kind: "starting"; readonly worker: Worker; readonly timer: Timer }
  /** The timer ends the thread. */
  | { readonly kind: "idle"; readonly worker: Worker; readonly timer: Timer }
  | { readonly kind: "busy"; readonly worker: Worker; readonly timer: Timer; readonly job: Job }
  /** The thread is being terminated, and may still hold its memory. */
  | { readonly kind: "ending" };

/**
 * The thread that converts large JSON texts, one after the other, so that the event loop does not wait for them (I11).
 *
 * 1. At most one text is converted at a time, and so at most one is in memory in all its forms. The others wait as
 *    the bytes that came, and count in their callers' share until they are converted or dropped.
 * 2. A conversion that exceeds its time, or the memory of the thread, fails alone: the thread ends, and after that a
 *    new thread starts for the next text (I12). If a thread does not start, the first text that waits fails.
 * 3. The thread starts for the first text, ends after `IDLE_MS` without one, and keeps the process alive only for one.
 * 4. A text whose caller has gone is not converted.
 * 5. Addresses, and the connections of each, take turns, and small texts pass large ones (`FairQueue`). So a text waits
 *    at most for one of each other address, and two of each other connection of its own, whatever these have sent.
 */
export class JsonThread {
  readonly #options: JsonThreadOptions;
  readonly #waiting = new FairQueue<Job>(keepIfWanted);
  #state: State = { kind: "none" };
  #isClosed = false;

  constructor(options: JsonThreadOptions) {
    this.#options = options;
  }

  /** Converts one text. The body of a request moves to the thread and cannot be read afterwards. @throws HttpError */
  run(task: Task, call: TextCall): Promise<Converted> {
    const job: Job = { task, call, result: Promise.withResolvers() };
    call.request.during(job.result.promise);
    this.#waiting.push(call.request.caller, job, sizeOf(task));
    this.#next();
    return job.result.promise;
  }

  /** To be called when no further texts will come. The texts that wait are converted; then the thread ends. */
  close(): void {
    this.#isClosed = true;
    this.#next();
  }

  /** Gives the thread the next text (1). */
  #next(): void {
    if (this.#state.kind === "none" && !this.#waiting.isEmpty) return this.#start();
    if (this.#state.kind !== "idle") return;
    const { worker, timer } = this.#state;
    const job = this.#waiting.take();
    if (job === undefined) {
      if (this.#isClosed) this.#end(worker);
      return;
    }
    timer.cancel();
    worker.ref();
    const { timeoutMs } = this.#options;
    this.#state = { kind: "busy", worker, job, timer: this.#limit(worker, timeoutMs) };
    const { task, transfer } = givenAway(job.task);
    worker.postMessage(task, transfer);
  }

  #start(): void {
    const worker = createWorker(this.#options.start());
    let fault = "the thread ended by itself";
    worker.on("error", (thrown) => (fault = describeError(thrown)));
    worker.on("message", (message: FromThread) => this.#receive(worker, message));
    worker.on("exit", () => {
      this.#fail(fault);
      this.#state = { kind: "none" };
      this.#next();
    });
    this.#state = { kind: "starting", worker, timer: this.#limit(worker, START_MS) };
  }

  #receive(worker: Worker, message: FromThread): void {
    if (this.#state.kind !== "busy" && this.#state.kind !== "starting") return;
    this.#state.timer.cancel();
    if (this.#state.kind === "busy") this.#settle(this.#state.job, message);
    worker.unref();
    this.#state = {
      kind: "idle",
      worker,
      timer: this.#options.clock.schedule(IDLE_MS, () => this.#end(worker)),
    };
    this.#next();
  }

  #settle({ result }: Job, message: FromThread): void {
    if (message.kind === "done") result.resolve(message);
    else if (message.kind === "refused") result.reject(new HttpError(message.code, message.text));
    else result.reject(this.#failed(message.kind === "failed" ? message.text : "no result"));
  }

  #limit(worker: Worker, ms: number): Timer {
    return this.#options.clock.schedule(ms, () => {
      this.#fail(`more than ${ms} ms`);
      this.#end(worker);
    });
  }

  /** Fails the text that the thread is converting, or the first waiting text if the thread has not started (2). */
  #fail(reason: string): void {
    if (this.#state.kind !== "busy" && this.#state.kind !== "starting") return;
    this.#state.timer.cancel();
    const job = this.#state.kind === "busy" ? this.#state.job : this.#waiting.take();
    job?.result.reject(this.#failed(reason));
  }

  #failed(reason: string): HttpError {
    this.#options.telemetry.logger.warn("a JSON text was not converted", { reason });
    const text = "converting the JSON took longer, or more memory, than is allowed";
    return new HttpError("CONVERSION_FAILED", text);
  }

  #end(worker: Worker): void {
    if (this.#state.kind === "idle") this.#state.timer.cancel();
    this.#state = { kind: "ending" };
    void worker.terminate();
  }
}

/** Whether the caller is still there. If not, the text is refused (4). */
function keepIfWanted({ call, result }: Job): boolean {
  if (call.gone) result.reject(new HttpError("MALFORMED_REQUEST", "the caller went away"));
  return !call.gone;
}

/** In bytes. */
function sizeOf(task: Task): number {
  return (task.kind === "request" ? task.source.body : task.payload)?.length ?? 0;
}

/** The task as it is posted, and the buffer that moves with it: of a body that fills it, or else of a copy. */
function givenAway(task: Task): { readonly task: Task; readonly transfer: ArrayBuffer[] } {
  if (task.kind !== "request") {
    // Copied because other code may still read the reply, or other data in its buffer.
    const payload = new Uint8Array(task.payload);
    return { task: { ...task, payload }, transfer: [payload.buffer] };
  }
  const { body } = task.source;
  if (body === undefined) return { task, transfer: [] };
  const whole = body.byteLength === body.buffer.byteLength ? body : Buffer.from(new Uint8Array(body).buffer);
  return {
    task: { ...task, source: { ...task.source, body: whole } },
    transfer: [whole.buffer as ArrayBuffer],
  };
}

function createWorker(start: ThreadStart): Worker {
  const { maxJsonValues, maxJsonReplyBytes } = start.limits;
  // Without the cache the thread loads its own compiler: twice the memory, twice the time to start.
  const cache = getCompileCacheDir();
  return new Worker(new URL("./json-worker.ts", import.meta.url), {
    name: "json",
    workerData: start,
    // Node reports a folder for its own version inside the folder that was set.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    execArgv: [],
    resourceLimits: {
      // More than any text within the bounds takes (docs/adr/0013). Others are refused before they take memory.
      maxOldGenerationSizeMb: 64 + (3 * maxJsonReplyBytes + 1_024 * maxJsonValues) / MIB,
      maxYoungGenerationSizeMb: 16,
      stackSizeMb: 1,
    },
  });
}
