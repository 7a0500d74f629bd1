// SPDX-License-Identifier: Apache-2.0

import type { CallContext, StreamEnd } from "../../call/mod.ts";
import type { ServedMethod } from "../../userfunction/mod.ts";

/** One message for an action whose method is unary. */
export interface ActionCall {
  readonly method: ServedMethod;
  /** The serialized input message. */
  readonly payload: Uint8Array;
  readonly call: CallContext;
}

/** A call of an action whose method takes a stream, gives one, or both. */
export interface ActionStreamCall {
  readonly method: ServedMethod;
  /** The serialized input messages; one where the method takes no stream. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Answers that wait for the caller are charged to its `bytes`. */
  readonly call: CallContext;
  /** Called once, before the iterator ends, if the user function ends the stream with status OK. */
  readonly onEnd?: (end: StreamEnd) => void;
}
