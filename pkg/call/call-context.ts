// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../base/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";
import type { TraceContext } from "../telemetry/mod.ts";

/**
 * The context of a call, which goes from the endpoint to the user function beside the message. Every layer passes it
 * on as one value, so that a new member needs no edit in layers that do not use it.
 */
export interface CallContext {
  /** The caller's metadata, in order. Only actions get it, as in Cloudstate. */
  readonly metadata: Metadata;
  /** A command with a key takes effect once, however often it is sent (I7). Not for actions, which store nothing. */
  readonly idempotencyKey: string | undefined;
  /** When the caller stops waiting, in monotonic milliseconds of the proxy's clock. */
  readonly deadlineMs: number | undefined;
  /** Calls the listener once if the caller goes away. Costs nothing if it is never called. */
  readonly onCancel: (listener: () => void) => void;
  /** The call's share of its caller's memory. It includes the command's bytes, and answers are taken from it (I11). */
  readonly bytes: Charge;
  /**
   * The span of which the call is a part: at first the caller's, then in each layer that makes a span that span.
   * Undefined: the call begins a trace, or nobody traces.
   */
  readonly trace?: TraceContext | undefined;
  /** Called with the proxy's own span for the call, once there is one. Undefined: nobody traces, or wants to know. */
  readonly onSpan?: ((span: TraceContext) => void) | undefined;
  /** How often one proxy sent the command to another, to get here; undefined if the caller sent it here. */
  readonly hops?: number;
}

/** The metadata and trailers that a user function sends when its stream of answers ends. */
export interface StreamEnd {
  readonly metadata: Metadata;
  readonly trailers: Metadata;
}

/**
 * The context of a call that no caller waits for.
 *
 * @param bytes the memory in which it counts
 * @param trace the span of which it is a part
 */
export function callerlessCall(
  bytes: Charge,
  metadata: Metadata = NO_METADATA,
  idempotencyKey?: string,
  trace?: TraceContext,
): CallContext {
  return { metadata, idempotencyKey, deadlineMs: undefined, onCancel: NEVER_CANCELLED, bytes, trace };
}

const NEVER_CANCELLED = (): void => undefined;
