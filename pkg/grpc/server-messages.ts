// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import { PullBuffer } from "../base/mod.ts";

import { cancelled, grpcError } from "./grpc-error.ts";
import type { ServerStreamCall } from "./server-call.ts";
import { Status } from "./status.ts";
import { pushMessage, waitingBytes } from "./waiting-message.ts";

/** How many bytes of messages are read ahead of their reader; flow control holds back the rest. */
const READ_AHEAD_BYTES = 65_536;

/**
 * The messages that a caller sends, for one reader, who sets the pace. Nothing is read before the first `next`.
 * What a message takes is counted in the call's memory until the following `next` (I11).
 *
 * @throws StatusError `CANCELLED` if the caller goes away.
 */
export function callMessages(call: ServerStreamCall): AsyncIterableIterator<Uint8Array, undefined> {
  const messages = new PullBuffer<Uint8Array>(
    {
      start() {
        call.onCancel(() => messages.end(cancelled()));
        call.receive({
          onMessage(bytes) {
            // Overdrawn, because these bytes have already arrived and were counted until now.
            call.bytes.overdraw(waitingBytes(bytes));
            pushMessage(messages, bytes);
          },
          onHalfClose: () => messages.end(),
        });
      },
      pause: () => call.pause(),
      resume: () => call.resume(),
      cancel: () => call.pause(),
    },
    READ_AHEAD_BYTES,
  );
  return countedUntilNext(messages, call.bytes);
}

/** Gives back what a message takes when the next one is asked for, since the reader is done with it then. */
function countedUntilNext(
  messages: PullBuffer<Uint8Array>,
  charge: Charge,
): AsyncIterableIterator<Uint8Array, undefined> {
  let size = 0;
  return {
    async next() {
      charge.give(size);
      size = 0;
      const item = await messages.next();
      if (item.done !== true) size = waitingBytes(item.value);
      return item;
    },
    return: () => messages.return(),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * The one message of a caller whose method takes no stream. It is counted in the call's memory until the call is over.
 *
 * @throws StatusError `MESSAGE_COUNT` if there is no message or more than one, `CANCELLED` if the caller goes away.
 */
export async function onlyMessage(call: ServerStreamCall): Promise<Uint8Array> {
  const messages = callMessages(call);
  const first = await messages.next();
  const second = first.done === true ? first : await messages.next();
  if (first.done !== true && second.done === true) {
    call.bytes.overdraw(first.value.length);
    return first.value;
  }
  const found = first.done === true ? "no message" : "more than one message";
  throw grpcError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", `the request of this method has ${found}`);
}
