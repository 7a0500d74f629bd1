// SPDX-License-Identifier: Apache-2.0

import type { Charge } from "../../base/mod.ts";
import type { CallEnd } from "../../grpc/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import type { ActionMethod } from "../../userfunction/mod.ts";

/** One message for an action whose method is unary. */
export interface ActionCall {
  readonly method: ActionMethod;
  /** The serialized input message. */
  readonly payload: Uint8Array;
  readonly metadata: Metadata;
  /** Calls the listener once if nobody waits for the answer any more. */
  readonly onCancel: (listener: () => void) => void;
  /** What it holds of its caller's memory; the answer is taken from it. */
  readonly bytes: Charge;
}

/** What the user function sent beside the answers of a stream that it ended well. Read when it is asked for. */
export type StreamEnd = Pick<CallEnd, "metadata" | "trailers">;

/** A stream for an action whose method takes or gives one. */
export interface ActionStreamCall {
  readonly method: ActionMethod;
  /** The serialized input messages; one where the method takes no stream. */
  readonly input: AsyncIterable<Uint8Array>;
  readonly metadata: Metadata;
  readonly onCancel: (listener: () => void) => void;
  /** What it holds of its caller's memory; answers that wait are taken from it. */
  readonly bytes: Charge;
  /** Called once, before the end is given out, if the user function ends the stream well. */
  readonly onEnd?: (end: StreamEnd) => void;
}
