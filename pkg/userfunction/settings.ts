// SPDX-License-Identifier: Apache-2.0

import { boolean, KIB, MIB, milliseconds, number, port, text } from "../settings/mod.ts";

/** How the user function is found, and what it may do. */
export const USER_FUNCTION_SETTINGS = {
  userFunctionHost: text(
    "user-function-host",
    "USER_FUNCTION_HOST",
    "127.0.0.1",
    "Host of the user function.",
  ),
  userFunctionPort: port("user-function-port", "USER_FUNCTION_PORT", 8_080, "Port of the user function.", 1),
  protocolCheck: boolean(
    "protocol-check",
    "PERDURE_PROTOCOL_CHECK",
    true,
    "Refuse a user function that speaks another version of the protocol; if false, only warn.",
  ),
  connectTimeoutMs: milliseconds(
    "connect-timeout",
    "PERDURE_CONNECT_TIMEOUT_MS",
    5_000,
    "How long connecting to the user function may take.",
  ),
  discoveryTimeoutMs: milliseconds(
    "discovery-timeout",
    "PERDURE_DISCOVERY_TIMEOUT_MS",
    10_000,
    "How long the user function may take to answer discovery.",
  ),
  backoffMinMs: milliseconds(
    "backoff-min",
    "PERDURE_BACKOFF_MIN_MS",
    25,
    "First wait before the user function is looked for again; each is a tenth longer than the one before, with a jitter of 20 %.",
  ),
  backoffMaxMs: milliseconds(
    "backoff-max",
    "PERDURE_BACKOFF_MAX_MS",
    10_000,
    "Longest wait before the user function is looked for again.",
  ),
  keepAliveIntervalMs: milliseconds(
    "keep-alive-interval",
    "PERDURE_KEEP_ALIVE_INTERVAL_MS",
    20_000,
    "Silence after which the user function is pinged.",
  ),
  keepAliveTimeoutMs: milliseconds(
    "keep-alive-timeout",
    "PERDURE_KEEP_ALIVE_TIMEOUT_MS",
    10_000,
    "How long its answer to that may take; then the connection is closed.",
  ),
  maxMessageBytes: number(
    "max-message-bytes",
    "PERDURE_MAX_MESSAGE_BYTES",
    12 * MIB,
    "bytes",
    [KIB, 256 * MIB],
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
  maxUserFunctionStreams: number(
    "max-user-function-streams",
    "PERDURE_MAX_USER_FUNCTION_STREAMS",
    0,
    "streams",
    [0, 1_000_000],
    "Streams that the user function serves at a time, such as its threads. Each entity in memory holds one, so beyond it idle entities leave. 0: as many as it allows by HTTP/2.",
  ),
  streamWaitMs: milliseconds(
    "stream-wait",
    "PERDURE_STREAM_WAIT_MS",
    10_000,
    "How long a command waits for a stream that the user function takes; then it gets `USER_FUNCTION_BUSY`.",
  ),
  streamSilenceMs: milliseconds(
    "stream-silence",
    "PERDURE_STREAM_SILENCE_MS",
    1_000,
    "How long a new stream may be without an answer before the user function is asked whether it still takes calls, by `reportError`.",
  ),
} as const;
