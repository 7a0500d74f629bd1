// SPDX-License-Identifier: Apache-2.0

import { number } from "../../base/mod.ts";

import { DAY_MS } from "./bounds.ts";

/** How many streams the user function takes, and what happens to those that it does not. */
export const STREAM_SETTINGS = {
  maxUserFunctionStreams: number(
    "max-user-function-streams",
    "PERDURE_MAX_USER_FUNCTION_STREAMS",
    0,
    "streams",
    [0, 1_000_000],
    "Streams that the user function serves at a time, such as its threads. Each entity in memory holds one, so beyond it idle entities leave. 0: as many as it says by HTTP/2.",
  ),
  streamWaitMs: number(
    "stream-wait",
    "PERDURE_STREAM_WAIT_MS",
    10_000,
    "ms",
    [1, DAY_MS],
    "How long a command waits for a stream that the user function takes; then it gets `USER_FUNCTION_BUSY`.",
  ),
  streamSilenceMs: number(
    "stream-silence",
    "PERDURE_STREAM_SILENCE_MS",
    1_000,
    "ms",
    [1, DAY_MS],
    "How long a new stream may be without an answer before the user function is asked whether it still takes calls, by `reportError`.",
  ),
};
