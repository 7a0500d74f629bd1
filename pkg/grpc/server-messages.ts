// SPDX-License-Identifier: Apache-2.0

import { PullBuffer } from "../base/mod.ts";

import { cancelled, grpcError } from "./grpc-error.ts";
import type { ServerStreamCall } from "./server-call.ts";
import { Status } from "./status.ts";

/** What is read ahead of whoever takes the messages of a call, in bytes; the rest is held by flow control. */
const READ_AHEAD_BYTES = 65_536;

/** What a message that waits costs beside its bytes, so that empty ones have a bound too. */
const MESSAGE_OVERHEAD_BYTES = 64;

/**
 * The messages that a caller sends, for one reader, who sets the pace. Nothing is read before the first is asked for.
 * Throws StatusError `CANCELLED` if the caller goes away. A message's bytes may be a view of a larger buffer.
 */
export function callMessages(call: ServerStreamCall): AsyncIterableIterator<Uint8Array, undefined> {
  const messages = new PullBuffer<Uint8Array>(
    {
      start() {
        call.onCancel(() => messages.end(cancelled()));
        call.receive({
          onMessage: (bytes) => messages.push(bytes, bytes.length + MESSAGE_OVERHEAD_BYTES),
          onHalfClose: () => messages.end(),
        });
      },
      pause: () => call.pause(),
      resume: () => call.resume(),
      cancel: () => call.pause(),
    },
    READ_AHEAD_BYTES,
  );
  return messages;
}

/**
 * The one message of a caller whose method takes no stream.
 *
 * @throws StatusError `MESSAGE_COUNT` if there is none or another one, `CANCELLED` if the caller goes away.
 */
export async function onlyMessage(call: ServerStreamCall): Promise<Uint8Array> {
  const messages = callMessages(call);
  const first = await messages.next();
  const second = first.done === true ? first : await messages.next();
  if (first.done !== true && second.done === true) return first.value;
  const found = first.done === true ? "no message" : "more than one message";
  throw grpcError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", `the request of this method has ${found}`);
}
