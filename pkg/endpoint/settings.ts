// SPDX-License-Identifier: Apache-2.0

import { KIB, MIB, MINUTE_MS, milliseconds, named, number, port, setting, text } from "../settings/mod.ts";

import { ENTITY_ID_SETTINGS } from "../router/settings.ts";
import { originList } from "./http/origins.ts";

/** The public port, and what callers may do there. */
export const ENDPOINT_SETTINGS = named({
  httpPort: port(9_000, { env: "HTTP_PORT", help: "Public port; 0 lets the system choose." }),
  httpHost: text("0.0.0.0", { env: "HTTP_HOST", help: "Address that the public port is bound to." }),
  corsOrigins: setting([], originList, {
    help: "Origins whose pages may call from browsers; `*` is every origin. They may send any header and read any answer, but never send cookies.",
  }),
  maxConnections: number(2_000, "connections", [1, 1_000_000], {
    help: "Open connections to the public port. Beyond it, and beyond a fair share of it for each peer address, a new one takes the place of an idle one, or is refused if none is idle.",
  }),
  maxConnectionStreams: number(100, "streams", [1, 100_000], {
    help: "Requests that may be open on one connection of HTTP/2; a client that wants more waits or connects again.",
  }),
  maxOpenRequests: number(10_000, "requests", [1, 1_000_000], {
    help: "Requests that are being answered, of which each peer address, and in it each connection, has a fair share; the next is refused with `ENDPOINT_OVERLOADED` or `TOO_MANY_CALLS`.",
  }),
  maxBufferedBytes: number(96 * MIB, "bytes", [MIB, 64 * KIB * MIB], {
    help: "Everything that waits, from the first byte of a request to the last of its response: eleven sixteenths for requests and responses, of which each connection has a fair share, the rest for the proxy's own work; beyond it `ENDPOINT_OVERLOADED`, `RECEIVE_BUFFER_FULL` or `RESPONSE_BUFFER_FULL`.",
  }),
  maxSmallPieces: number(2_000, "pieces", [100, 1_000_000_000], {
    help: "Small pieces that one connection may send at once, of which it gets a quarter again in each second: DATA frames of HTTP/2, chunks of HTTP/1.1, fragments, pings and pongs of WebSockets, beyond one for each 128 bytes, two for each message and 64 for each request; beyond it `TOO_MANY_PIECES`.",
  }),
  maxRequestBytes: number(12 * MIB, "bytes", [KIB, 256 * MIB], {
    help: "Largest message from a caller, and largest body of an HTTP request.",
  }),
  /** Shared with `pkg/router`. */
  maxRequestFields: ENTITY_ID_SETTINGS.maxRequestFields,
  maxHeaderBytes: number(16 * KIB, "bytes", [KIB, MIB], {
    help: "Request line and headers of one HTTP/1.1 request.",
  }),
  maxIdempotencyKeyLength: number(256, "characters", [1, 4_096], {
    help: "Longest `idempotency-key`; a longer one is refused with `BAD_IDEMPOTENCY_KEY`.",
  }),
  maxJsonValues: number(100_000, "values", [100, 10_000_000], {
    help: "Names and values in one JSON text, default values included, in either direction; beyond it `JSON_TOO_MANY_VALUES` or `REPLY_TOO_LARGE`. Each may take about 1 KiB while the text is converted.",
  }),
  maxJsonReplyBytes: number(24 * MIB, "bytes", [KIB, 256 * MIB], {
    help: "JSON text of one reply; a longer one is refused with `REPLY_TOO_LARGE`.",
  }),
  jsonTimeoutMs: milliseconds(5_000, {
    help: "How long it may take to convert one large JSON text; then `CONVERSION_FAILED`.",
  }),
  firstRequestTimeoutMs: milliseconds(10_000, {
    help: "How long a new connection may send nothing, and then, over HTTP/2, make no request.",
  }),
  firstMessageTimeoutMs: milliseconds(10_000, {
    help: "From the opening of a gRPC call to the first byte of a message; then `REQUEST_TIMEOUT`.",
  }),
  firstStreamMessageTimeoutMs: milliseconds(5 * MINUTE_MS, {
    help: "The same where the caller sends a stream of messages, also over a WebSocket: how long neither side may send anything.",
  }),
  headersTimeoutMs: milliseconds(10_000, {
    help: "From the opening of a connection to the end of the headers.",
  }),
  requestTimeoutMs: milliseconds(MINUTE_MS, { help: "From the first byte of a request to the last." }),
  idleTimeoutMs: milliseconds(65 * MINUTE_MS, {
    help: "Time without a request after which a connection is closed, over HTTP/2 up to a quarter later; longer than proxies in front keep theirs (Envoy: an hour).",
  }),
  writeTimeoutMs: milliseconds(30_000, {
    help: "How long a peer may read nothing of the responses that wait for it before its connection is closed.",
  }),
  minWriteRate: number(16 * KIB, "bytes/s", [1, KIB * MIB], {
    help: "Such a peer has one more second for each so many bytes that its connection holds.",
  }),
  streamKeepAliveMs: milliseconds(30_000, {
    help: "Silence after which an event stream gets a comment, and the caller of a WebSocket is pinged; after the same again the WebSocket is closed.",
  }),
});
