// SPDX-License-Identifier: Apache-2.0

import type { EndpointOptions } from "../options.ts";

/** Bounds on the cost of one JSON text (I11). `docs/endpoint.md` says what is counted. */
export type JsonLimits = Pick<EndpointOptions, "maxJsonValues" | "maxJsonReplyBytes" | "jsonTimeoutMs">;

/** How deep messages may be nested, those in an `Any` included: the fixed bound of protobuf's own parsers. */
export const MAX_MESSAGE_DEPTH = 100;

/** How deep objects and arrays may be nested: each level of messages may add a list or a map. */
export const MAX_JSON_DEPTH = 2 * MAX_MESSAGE_DEPTH;

/** Texts of up to this many bytes, and few values, are converted at once; others in a worker thread. */
export const SMALL_BYTES = 65_536;

/** The same bound in values. This many of the slowest kinds of values cost 5 ms (docs/adr/0013). */
export const SMALL_VALUES = 2_000;
