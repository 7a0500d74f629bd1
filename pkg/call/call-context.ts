// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { Metadata } from "../protocol/mod.ts";

/**
 * What travels with a call from the endpoint to the user function, beside its message: one value that every layer hands on
 * whole, so that a new member needs no edit where it only passes through.
 */
export interface CallContext {
  /** What the caller sent beside the message, in order. Given to actions only, as Cloudstate does. */
  readonly metadata: Metadata;
  /** With one, the command takes effect once however often it is sent (I7). Not for actions, which keep nothing. */
  readonly idempotencyKey: string | undefined;
  /** When the caller stops waiting, in monotonic milliseconds of the proxy's clock. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. Costs nothing if it is never called. */
  readonly onCancel: (listener: () => void) => void;
  /** What it holds of its caller's memory. The command's bytes are in it; what is answered is taken from it (I11). */
  readonly bytes: Charge;
}

/** What a user function sends beside the answers of a stream, with its end. */
export interface StreamEnd {
  readonly metadata: Metadata;
  readonly trailers: Metadata;
}

/** What follows from a call in its caller's name: the caller still waits for it, and its memory pays for it. */
export function forwardedCall(
  call: CallContext,
  metadata: Metadata,
  idempotencyKey: string | undefined,
): CallContext {
  return { ...call, metadata, idempotencyKey };
}

/** A call that nobody waits for. @param bytes the memory that pays for it. */
export function callerlessCall(
  bytes: Charge,
  metadata: Metadata = NO_METADATA,
  idempotencyKey?: string,
): CallContext {
  return { metadata, idempotencyKey, deadlineMs: undefined, onCancel: NEVER_CANCELLED, bytes };
}

const NEVER_CANCELLED = (): void => undefined;
