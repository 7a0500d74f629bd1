// SPDX-License-Identifier: Apache-2.0

import type { PullBuffer } from "../base/mod.ts";
import { ownBytes } from "../base/mod.ts";

/**
 * Bytes that a waiting message counts beside its own, so that the number of empty messages is bounded too: its object,
 * its buffer's and its place in a list. Measured: 220 to 340.
 */
const OVERHEAD_BYTES = 320;

/** A waiting message may keep this many bytes of a larger buffer; with more it is copied. */
const MAX_BESIDES_BYTES = 64;

/** What a message that waits for its reader takes in memory, in bytes. */
export function waitingBytes(message: Uint8Array): number {
  return message.length + OVERHEAD_BYTES;
}

/**
 * Gives a message to the buffer, counted as what it takes. It may be a view of a larger buffer only if the reader
 * already waits for it, because there may be many others, and each would keep all that came with it (I11).
 */
export function pushMessage(messages: PullBuffer<Uint8Array>, message: Uint8Array): void {
  const kept = messages.isAwaited ? message : ownBytes(message, MAX_BESIDES_BYTES);
  messages.push(kept, waitingBytes(message));
}
