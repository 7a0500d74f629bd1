// SPDX-License-Identifier: Apache-2.0

/** Bounds on the cost of one JSON text (I11). `docs/endpoint.md` says what is counted. */
export interface JsonLimits {
  /** Keys and values of one JSON text, and of one message that is read from JSON or written as JSON. */
  readonly maxJsonValues: number;
  /** The JSON text of one reply, in bytes. */
  readonly maxJsonReplyBytes: number;
  /** How long one conversion in the thread for large texts may take, in milliseconds. */
  readonly jsonTimeoutMs: number;
}

/**
 * How deep messages may be nested, those in an `Any` included. It is not a setting because protobuf's own parsers
 * have the same fixed bound.
 */
export const MAX_MESSAGE_DEPTH = 100;

/** How deep objects and arrays may be nested: each level of messages may add a list or a map. */
export const MAX_JSON_DEPTH = 2 * MAX_MESSAGE_DEPTH;

/**
 * Texts of up to this many bytes are converted at once if they have few values too. Others are converted in a worker
 * thread.
 */
export const SMALL_BYTES = 65_536;

/** The same bound in values. This many of the slowest kinds of values cost 5 ms (docs/adr/0013). */
export const SMALL_VALUES = 2_000;
