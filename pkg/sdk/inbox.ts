// SPDX-License-Identifier: Apache-2.0

import type { Readable } from "node:stream";

import type { Cancellation } from "./cancellation.ts";

interface Waiting<Message> {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The messages of a gRPC stream, which its reader pulls one by one.
 *
 * 1. *Held back*: the stream flows only while a `next` waits for a message, so that flow control holds the other side
 *    back. The stream's own buffer bounds what Node reads ahead of that.
 * 2. *Cancelled is not the end*: when the other side goes away, `next` rejects with the reason. For a lost connection
 *    Node emits "end" first and "aborted" in the same turn of the event loop, so the end waits for the next turn.
 * 3. *Closed is the end*: after `return` nothing is read.
 */
export class Inbox<Message> implements AsyncIterator<Message, undefined> {
  readonly #stream: Readable;
  readonly #cancellation: Cancellation;
  readonly #waiting: Waiting<Message>[] = [];
  readonly #read: Message[] = [];
  #ended = false;

  constructor(stream: Readable, cancellation: Cancellation) {
    this.#stream = stream;
    this.#cancellation = cancellation;
    stream.on("data", (message: Message) => this.#receive(message));
    stream.on("end", () => setImmediate(() => this.#endUnlessCancelled()));
    stream.pause();
    cancellation.onCancel(() => {
      for (const { reject } of this.#waiting.splice(0)) reject(cancellation.reason);
    });
  }

  async next(): Promise<IteratorResult<Message, undefined>> {
    if (this.#cancellation.cancelled && !this.#ended) throw this.#cancellation.reason;
    const message = this.#read.shift();
    if (message !== undefined) return { done: false, value: message };
    if (this.#ended) return { done: true, value: undefined };
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#stream.resume();
    });
  }

  async return(): Promise<IteratorResult<Message, undefined>> {
    this.#stream.pause();
    this.#read.length = 0;
    this.#end();
    return { done: true, value: undefined };
  }

  #receive(message: Message): void {
    if (this.#ended) return;
    const first = this.#waiting.shift();
    if (first === undefined) this.#read.push(message);
    else first.resolve({ done: false, value: message });
    if (this.#waiting.length === 0) this.#stream.pause();
  }

  #endUnlessCancelled(): void {
    if (!this.#cancellation.cancelled) this.#end();
  }

  #end(): void {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }
}
