// SPDX-License-Identifier: Apache-2.0

import { assert } from "./assert.ts";

/** A source that pushes items and can be paused. None of these methods may throw. */
export interface PushSource {
  /** Begins to push. Called once, when the reader first calls `next`. */
  start(): void;
  /** Pauses the source; a few more items may still come. */
  pause(): void;
  resume(): void;
  /** The reader wants no more items; those pushed after this are dropped. */
  cancel(): void;
}

/**
 * Buffers the items that a source pushes, for a reader that pulls.
 *
 * 1. The source does not start before the reader first calls `next`.
 * 2. The source is paused (I11) when items of `maxBuffered` or more, in the unit of `push`, wait. It resumes when all
 *    of them have been read.
 * 3. The reader gets the items whole and in order, then the end or the error once, and after that only the end.
 * 4. After `return` the reader gets no further item, and a pending `next` resolves with the end.
 */
export class PullBuffer<T> implements AsyncIterableIterator<T, undefined> {
  readonly #source: PushSource;
  readonly #maxBuffered: number;
  #items: T[] = [];
  #buffered = 0;
  #state: "new" | "flowing" | "held" | "ended" = "new";
  #error: unknown;
  #reader: Reader<T> | undefined;

  constructor(source: PushSource, maxBuffered: number) {
    this.#source = source;
    this.#maxBuffered = maxBuffered;
  }

  /** Whether the reader waits for an item, so that the next one does not. */
  get isAwaited(): boolean {
    return this.#reader !== undefined;
  }

  /** Takes an item of this size. Ignored after the end. */
  push(item: T, size: number): void {
    if (this.#state === "ended") return;
    const reader = this.#takeReader();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: item });
      return;
    }
    this.#items.push(item);
    this.#buffered += size;
    if (this.#buffered < this.#maxBuffered || this.#state === "held") return;
    this.#state = "held";
    this.#source.pause();
  }

  /**
   * Ends the buffer: after the waiting items the reader gets the end, or `error` if given. Ignored after the first
   * call.
   */
  end(error?: unknown): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    const reader = this.#takeReader();
    if (reader === undefined) this.#error = error;
    else if (error === undefined) reader.resolve(END);
    else reader.reject(error);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    assert(this.#reader === undefined, "a buffer is read by one reader");
    const item = this.#items.shift();
    if (item !== undefined) {
      if (this.#items.length === 0) this.#emptied();
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#state === "ended") {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve(END) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      if (this.#state !== "new") return;
      this.#state = "flowing";
      this.#source.start();
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    const wasOpen = this.#state !== "ended";
    this.#items = [];
    this.#buffered = 0;
    this.end();
    this.#error = undefined;
    if (wasOpen) this.#source.cancel();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #emptied(): void {
    this.#buffered = 0;
    if (this.#state !== "held") return;
    this.#state = "flowing";
    this.#source.resume();
  }

  #takeReader(): Reader<T> | undefined {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }
}

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
