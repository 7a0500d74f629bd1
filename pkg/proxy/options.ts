// SPDX-License-Identifier: Apache-2.0

import { boolean, number, resolveSettings, SettingError, text } from "../base/mod.ts";
import type { Values } from "../base/mod.ts";
import { parseOrigins } from "../endpoint/mod.ts";

import { LOG_SETTINGS } from "./log-options.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MIB = 1_048_576;
const PORTS = [0, 65_535] as const;

/** Every setting of the proxy. Cloudstate's variables keep their names; most of ours begin with `PERDURE_`. */
export const PROXY_SETTINGS = {
  httpPort: number("http-port", "HTTP_PORT", 9_000, "port", PORTS, "Public port; 0 lets the system choose."),
  httpHost: text("http-host", "HTTP_HOST", "0.0.0.0", "Address that the public port is bound to."),
  adminPort: number(
    "admin-port",
    "ADMIN_PORT",
    9_010,
    "port",
    PORTS,
    "Port of `/livez`, `/readyz` and `/drain`.",
  ),
  adminHost: text("admin-host", "ADMIN_HOST", "0.0.0.0", "Address that the admin port is bound to."),
  ...LOG_SETTINGS,
  userFunctionHost: text(
    "user-function-host",
    "USER_FUNCTION_HOST",
    "127.0.0.1",
    "Host of the user function.",
  ),
  userFunctionPort: number(
    "user-function-port",
    "USER_FUNCTION_PORT",
    8_080,
    "port",
    [1, 65_535],
    "Port of the user function.",
  ),
  protocolCheck: boolean(
    "protocol-check",
    "PERDURE_PROTOCOL_CHECK",
    true,
    "Refuse a user function that speaks another version of the protocol; if false, only warn.",
  ),
  passivationTimeoutMs: number(
    "passivation-timeout",
    "PERDURE_PASSIVATION_TIMEOUT_MS",
    30_000,
    "ms",
    [1, DAY_MS],
    "Idle time after which an entity leaves memory, unless its type says otherwise.",
  ),
  relayTimeoutMs: number(
    "relay-timeout",
    "PERDURE_RELAY_TIMEOUT_MS",
    MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "How long the user function may take for one command.",
  ),
  mailboxCapacity: number(
    "mailbox-capacity",
    "PERDURE_MAILBOX_CAPACITY",
    1_000,
    "commands",
    [1, 1_000_000],
    "Commands that may wait for one entity; the next is refused with `MAILBOX_FULL`.",
  ),
  streamIdleTimeoutMs: number(
    "stream-idle-timeout",
    "PERDURE_STREAM_IDLE_TIMEOUT_MS",
    60 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "How long a stream of an action may be without a message in either direction; then `STREAM_IDLE`.",
  ),
  maxForwardDepth: number(
    "max-forward-depth",
    "PERDURE_MAX_FORWARD_DEPTH",
    16,
    "links",
    [1, 1_000],
    "Forwards and side effects that may follow each other from one command; then `CHAIN_TOO_LONG`.",
  ),
  maxOpenEffects: number(
    "max-open-effects",
    "PERDURE_MAX_OPEN_EFFECTS",
    1_000,
    "effects",
    [1, 1_000_000],
    "Asynchronous side effects under way; a command with further ones waits.",
  ),
  maxActiveEntities: number(
    "max-active-entities",
    "PERDURE_MAX_ACTIVE_ENTITIES",
    100_000,
    "entities",
    [1, 10_000_000],
    "Entities in memory. Beyond it the one idle longest leaves; if none is idle, `TOO_MANY_ENTITIES`.",
  ),
  maxActivations: number(
    "max-activations",
    "PERDURE_MAX_ACTIVATIONS",
    256,
    "entities",
    [1, 100_000],
    "Entities that are read from the log at the same time; further ones wait.",
  ),
  maxConflictRetries: number(
    "max-conflict-retries",
    "PERDURE_MAX_CONFLICT_RETRIES",
    3,
    "times",
    [0, 1_000],
    "How often a command is given to the user function again because another proxy wrote to its entity first; then `APPEND_CONFLICT`. 0 for user functions that do more than answer.",
  ),
  maxKeptReplies: number(
    "max-kept-replies",
    "PERDURE_MAX_KEPT_REPLIES",
    256,
    "replies",
    [1, 65_536],
    "Idempotency keys that an entity remembers, with the replies to their commands.",
  ),
  maxKeptReplyBytes: number(
    "max-kept-reply-bytes",
    "PERDURE_MAX_KEPT_REPLY_BYTES",
    MIB / 4,
    "bytes",
    [1_024, 8 * MIB],
    "Bytes of those of one entity; the oldest are forgotten first, and the newest is kept whatever its size.",
  ),
  maxPacks: number(
    "max-packs",
    "PERDURE_MAX_PACKS",
    4,
    "entities",
    [1, 10_000],
    "Histories that are packed at the same time; further ones wait.",
  ),
  maxPendingPacks: number(
    "max-pending-packs",
    "PERDURE_MAX_PENDING_PACKS",
    10_000,
    "entities",
    [1, 10_000_000],
    "Histories that wait to be packed; further ones are not packed.",
  ),
  packTimeoutMs: number(
    "pack-timeout",
    "PERDURE_PACK_TIMEOUT_MS",
    1_000,
    "ms",
    [0, DAY_MS],
    "How long the end of the proxy waits for histories to be packed.",
  ),
  streamEndTimeoutMs: number(
    "stream-end-timeout",
    "PERDURE_STREAM_END_TIMEOUT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long the user function may take to end a stream that the proxy has ended.",
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
    50,
    "ms",
    [1, DAY_MS],
    "First wait before the user function is looked for again; it doubles with each try, with a jitter of 20 %.",
  ),
  backoffMaxMs: number(
    "backoff-max",
    "PERDURE_BACKOFF_MAX_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "Longest wait before the user function is looked for again.",
  ),
  maxRequestBytes: number(
    "max-request-bytes",
    "PERDURE_MAX_REQUEST_BYTES",
    12 * MIB,
    "bytes",
    [1_024, 256 * MIB],
    "Largest message from a caller, and largest body of an HTTP request.",
  ),
  maxMessageBytes: number(
    "max-message-bytes",
    "PERDURE_MAX_MESSAGE_BYTES",
    12 * MIB,
    "bytes",
    [1_024, 256 * MIB],
    "Largest message from the user function.",
  ),
  maxEntityIdLength: number(
    "max-entity-id-length",
    "PERDURE_MAX_ENTITY_ID_LENGTH",
    1_024,
    "characters",
    [1, 65_536],
    "Longest entity id.",
  ),
  maxConnections: number(
    "max-connections",
    "PERDURE_MAX_CONNECTIONS",
    10_000,
    "connections",
    [1, 1_000_000],
    "Open connections to the public port; more are refused.",
  ),
  maxOpenRequests: number(
    "max-open-requests",
    "PERDURE_MAX_OPEN_REQUESTS",
    10_000,
    "requests",
    [1, 1_000_000],
    "Requests that are being answered; the next is refused with `ENDPOINT_OVERLOADED` or `TOO_MANY_CALLS`.",
  ),
  maxBufferedBytes: number(
    "max-buffered-bytes",
    "PERDURE_MAX_BUFFERED_BYTES",
    256 * MIB,
    "bytes",
    [MIB, 64 * 1_024 * MIB],
    "Bodies of all requests that are still arriving, together.",
  ),
  maxHeaderBytes: number(
    "max-header-bytes",
    "PERDURE_MAX_HEADER_BYTES",
    16_384,
    "bytes",
    [1_024, MIB],
    "Request line and headers of one HTTP/1.1 request.",
  ),
  headersTimeoutMs: number(
    "headers-timeout",
    "PERDURE_HEADERS_TIMEOUT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "From the opening of a connection to the end of the headers.",
  ),
  requestTimeoutMs: number(
    "request-timeout",
    "PERDURE_REQUEST_TIMEOUT_MS",
    MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "From the first byte of a request to the last.",
  ),
  idleTimeoutMs: number(
    "idle-timeout",
    "PERDURE_IDLE_TIMEOUT_MS",
    65 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "Time without a request after which a connection is closed; longer than proxies in front keep theirs.",
  ),
  maxIdempotencyKeyLength: number(
    "max-idempotency-key-length",
    "PERDURE_MAX_IDEMPOTENCY_KEY_LENGTH",
    256,
    "characters",
    [1, 4_096],
    "Longest `idempotency-key`; a longer one is refused with `BAD_IDEMPOTENCY_KEY`.",
  ),
  corsOrigins: text(
    "cors-origins",
    "PERDURE_CORS_ORIGINS",
    "",
    "Origins whose pages may call from browsers, at most 100, with commas between them, as `https://shop.example`; `*` is every origin. " +
      "They may send any header and read any answer, but never send cookies.",
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
  drainTimeoutMs: number(
    "drain-timeout",
    "PERDURE_DRAIN_TIMEOUT_MS",
    10_000,
    "ms",
    [0, DAY_MS],
    "How long running requests may take to finish when the proxy is told to stop.",
  ),
  drainAnswerTimeoutMs: number(
    "drain-answer-timeout",
    "PERDURE_DRAIN_ANSWER_TIMEOUT_MS",
    10_000,
    "ms",
    [0, DAY_MS],
    "How long `/drain` of the admin port waits for entities to leave memory before it answers all the same.",
  ),
  drainResetTimeoutMs: number(
    "drain-reset-timeout",
    "PERDURE_DRAIN_RESET_TIMEOUT_MS",
    15 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "Time after `/drain` in which the proxy is told to stop; if it is not, it is ready again. Longer than a pod is given to end.",
  ),
  logLevel: text("log-level", "PERDURE_LOG_LEVEL", "info", "How much the proxy says.", [
    "debug",
    "info",
    "warn",
    "error",
    "silent",
  ]),
} as const;

export type ProxyOptions = Values<typeof PROXY_SETTINGS>;

/** @throws SettingError */
export function proxyOptions(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): ProxyOptions {
  const options = resolveSettings(PROXY_SETTINGS, flags, env);
  if (parseOrigins(options.corsOrigins) === undefined) {
    const sense = "is `*`, or a list of origins like https://shop.example or http://localhost:3000";
    throw new SettingError(`--cors-origins=${options.corsOrigins}: ${sense}`);
  }
  return options;
}
