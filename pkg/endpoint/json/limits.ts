// SPDX-License-Identifier: Apache-2.0

/** What one JSON text may cost (I11). What it counts is said in `docs/endpoint.md`. */
export interface JsonLimits {
  /** Keys and values of one JSON text, and of one message that is read from JSON or written as JSON. */
  readonly maxJsonValues: number;
  /** The JSON text of one reply, in bytes. */
  readonly maxJsonReplyBytes: number;
  /** How long one conversion in the thread for large texts may take, in milliseconds. */
  readonly jsonTimeoutMs: number;
}

/**
 * Messages inside each other, those in an `Any` included. It is the bound of protobuf's own parsers, so a setting would
 * promise what they do not keep.
 */
export const MAX_MESSAGE_DEPTH = 100;

/** Objects and arrays inside each other: a message in a list, or in a map, in each of those messages. */
export const MAX_JSON_DEPTH = 2 * MAX_MESSAGE_DEPTH;

/** Texts up to so many bytes are converted at once, if they are small in memory too; others in a thread of their own. */
export const SMALL_BYTES = 65_536;

/** The same of values: what the slowest kinds of them cost is 5 ms for so many (docs/adr/0013). */
export const SMALL_VALUES = 2_000;
