// SPDX-License-Identifier: Apache-2.0

import { boolean, number } from "../../base/mod.ts";

import { DAY_MS, MIB, MINUTE_MS } from "./bounds.ts";
import { START_SETTINGS } from "./start-settings.ts";
import { STREAM_SETTINGS } from "./stream-settings.ts";

/** How the user function is found, and what it may do. */
export const USER_FUNCTION_SETTINGS = {
  ...START_SETTINGS,
  protocolCheck: boolean(
    "protocol-check",
    "PERDURE_PROTOCOL_CHECK",
    true,
    "Refuse a user function that speaks another version of the protocol; if false, only warn.",
  ),
  connectTimeoutMs: number(
    "connect-timeout",
    "PERDURE_CONNECT_TIMEOUT_MS",
    5_000,
    "ms",
    [1, DAY_MS],
    "How long connecting to the user function may take.",
  ),
  discoveryTimeoutMs: number(
    "discovery-timeout",
    "PERDURE_DISCOVERY_TIMEOUT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long the user function may take to answer discovery.",
  ),
  backoffMinMs: number(
    "backoff-min",
    "PERDURE_BACKOFF_MIN_MS",
    25,
    "ms",
    [1, DAY_MS],
    "First wait before the user function is looked for again; each is a tenth longer than the one before, with a jitter of 20 %.",
  ),
  backoffMaxMs: number(
    "backoff-max",
    "PERDURE_BACKOFF_MAX_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "Longest wait before the user function is looked for again.",
  ),
  keepAliveIntervalMs: number(
    "keep-alive-interval",
    "PERDURE_KEEP_ALIVE_INTERVAL_MS",
    20_000,
    "ms",
    [1, DAY_MS],
    "Silence after which the user function is asked whether it is still there.",
  ),
  keepAliveTimeoutMs: number(
    "keep-alive-timeout",
    "PERDURE_KEEP_ALIVE_TIMEOUT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long its answer to that may take before the connection is given up.",
  ),
  maxMessageBytes: number(
    "max-message-bytes",
    "PERDURE_MAX_MESSAGE_BYTES",
    12 * MIB,
    "bytes",
    [1_024, 256 * MIB],
    "Largest message from the user function.",
  ),
  maxMessageFields: number(
    "max-message-fields",
    "PERDURE_MAX_MESSAGE_FIELDS",
    100_000,
    "fields",
    [1_000, 100_000_000],
    "Fields in one message from the user function of more than 64 KiB, and in the descriptors of its discovery; the lists and oneofs of each message count too, what is in an `Any` does not.",
  ),
  streamIdleTimeoutMs: number(
    "stream-idle-timeout",
    "PERDURE_STREAM_IDLE_TIMEOUT_MS",
    60 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "How long a stream of an action may be without a message in either direction; then `STREAM_IDLE`.",
  ),
  ...STREAM_SETTINGS,
  streamEndTimeoutMs: number(
    "stream-end-timeout",
    "PERDURE_STREAM_END_TIMEOUT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long the user function may take to end a stream that the proxy has ended.",
  ),
} as const;
