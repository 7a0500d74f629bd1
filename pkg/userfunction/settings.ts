// SPDX-License-Identifier: Apache-2.0

import { boolean, KIB, MIB, milliseconds, named, number, port, text } from "../settings/mod.ts";

/** How the user function is found, and what it may do. */
export const USER_FUNCTION_SETTINGS = named({
  userFunctionHost: text("127.0.0.1", { env: "USER_FUNCTION_HOST", help: "Host of the user function." }),
  userFunctionPort: port(8_080, { env: "USER_FUNCTION_PORT", least: 1, help: "Port of the user function." }),
  protocolCheck: boolean(true, {
    help: "Refuse a user function that speaks another version of the protocol; if false, only warn.",
  }),
  connectTimeoutMs: milliseconds(5_000, { help: "How long connecting to the user function may take." }),
  discoveryTimeoutMs: milliseconds(10_000, {
    help: "How long the user function may take to answer discovery.",
  }),
  backoffMinMs: milliseconds(25, {
    help: "First wait before the user function is looked for again; each is a tenth longer than the one before, with a jitter of 20 %.",
  }),
  backoffMaxMs: milliseconds(10_000, { help: "Longest wait before the user function is looked for again." }),
  keepAliveIntervalMs: milliseconds(20_000, { help: "Silence after which the user function is pinged." }),
  keepAliveTimeoutMs: milliseconds(10_000, {
    help: "How long its answer to that may take; then the connection is closed.",
  }),
  maxMessageBytes: number(12 * MIB, "bytes", [KIB, 256 * MIB], {
    help: "Largest message from the user function.",
  }),
  maxMessageFields: number(100_000, "fields", [1_000, 100_000_000], {
    help: "Fields in one message from the user function of more than 64 KiB, and in the descriptors of its discovery; the lists and oneofs of each message count too, what is in an `Any` does not.",
  }),
  maxUserFunctionStreams: number(0, "streams", [0, 1_000_000], {
    help: "Streams that the user function serves at a time, such as its threads. Each entity in memory holds one, so beyond it idle entities leave. 0: as many as it allows by HTTP/2.",
  }),
  streamWaitMs: milliseconds(10_000, {
    help: "How long a command waits for a stream that the user function takes; then it gets `USER_FUNCTION_BUSY`.",
  }),
  streamSilenceMs: milliseconds(1_000, {
    help: "How long a new stream may be without an answer before the user function is asked whether it still takes calls, by `reportError`. It has a quarter of this time to answer.",
  }),
});
