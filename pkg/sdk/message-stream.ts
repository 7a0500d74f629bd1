// SPDX-License-Identifier: Apache-2.0

import type { Metadata } from "./metadata.ts";

/** A message and its own metadata. */
export interface Envelope<Message> {
  readonly message: Message;
  readonly metadata: Metadata;
}

/**
 * The messages that a caller sends, one after the other: `for await (const message of messages)`.
 *
 * The caller is held back while the handler does not take the next message. When the caller goes away, the loop
 * throws `SdkError` `CANCELLED`, so that no handler takes half of a stream for all of it. If the handler leaves the
 * loop early, the rest is never read. Several loops share the one stream: each message goes to one of them.
 */
export interface MessageStream<Message> extends AsyncIterable<Message> {
  /** The same messages, each with the metadata that came with it. */
  readonly envelopes: AsyncIterable<Envelope<Message>>;
}

export function messageStream<Message>(envelopes: AsyncIterator<Envelope<Message>>): MessageStream<Message> {
  const finish = async (): Promise<IteratorResult<never>> => {
    await envelopes.return?.();
    return { done: true, value: undefined };
  };
  const message = async (): Promise<IteratorResult<Message>> => {
    const { done, value } = await envelopes.next();
    return done === true ? { done, value: undefined } : { done: false, value: value.message };
  };
  return {
    envelopes: { [Symbol.asyncIterator]: () => ({ next: () => heard(envelopes.next()), return: finish }) },
    [Symbol.asyncIterator]: () => ({ next: () => heard(message()), return: finish }),
  };
}

/** A handler may take a message without waiting for it. Its rejection on cancellation must not end the process. */
function heard<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
