// SPDX-License-Identifier: Apache-2.0

import type { EventEmitter } from "node:events";

import type { sendUnaryData } from "@grpc/grpc-js";

/** A call of grpc-js's server, whatever its shape. */
export interface ServerCall extends EventEmitter {
  readonly cancelled: boolean;
}

type Answer = sendUnaryData<Uint8Array>;

/** The callback of a call that streams its answers. */
const NO_ANSWER: Answer = () => undefined;

/**
 * Serves a fixed number of calls at the same time, in the order of their arrival. The others wait without any answer.
 * This is how a server with a thread pool behaves. (gRPC's server for Python has ten threads by default.)
 */
export class Threads {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /** Wraps a handler so that it begins with a call when a thread is free. */
  handler<Call extends ServerCall>(handle: (call: Call, answer: Answer) => void) {
    return (call: Call, answer: Answer = NO_ANSWER): void =>
      this.#run((done) => serve(handle, call, answer, done));
  }

  #run(work: (done: () => void) => void): void {
    const begin = (): void => {
      this.#free--;
      work(() => {
        this.#free++;
        this.#waiting.shift()?.();
      });
    };
    if (this.#free > 0) begin();
    else this.#waiting.push(begin);
  }
}

function serve<Call extends ServerCall>(
  handle: (call: Call, answer: Answer) => void,
  call: Call,
  answer: Answer,
  done: () => void,
): void {
  let isDone = false;
  const end = (): void => {
    if (isDone) return;
    isDone = true;
    done();
  };
  if (call.cancelled) return end();
  for (const event of ["finish", "cancelled", "error"]) call.once(event, end);
  // A call with one answer ends when the answer is handed over. Others end by their events.
  handle(call, (...given) => {
    answer(...given);
    end();
  });
}
