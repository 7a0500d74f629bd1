// SPDX-License-Identifier: Apache-2.0

import { httpUrl, number, text } from "../../base/mod.ts";

import { DAY_MS, MINUTE_MS } from "./bounds.ts";

/** How the proxy ends. */
export const DRAIN_SETTINGS = {
  drainTimeoutMs: number(
    "drain-timeout",
    "PERDURE_DRAIN_TIMEOUT_MS",
    10_000,
    "ms",
    [0, DAY_MS],
    "How long running requests may take to finish when the proxy is told to stop.",
  ),
  drainSecret: text(
    "drain-secret",
    "PERDURE_DRAIN_SECRET",
    "",
    "What a caller of `/drain` has to send in the header `perdure-drain-secret`, from 16 to 256 characters without blanks: better given by the variable, " +
      "since command lines are public. If empty, `/drain` is answered to a `POST` on the loopback interface only. In a pod of Knative the webhook makes one.",
  ),
  drainWaitUrl: httpUrl(
    "drain-wait-url",
    "PERDURE_DRAIN_WAIT_URL",
    "",
    "What `/drain` asks, and waits for any answer of: whoever stands before the proxy, when no more requests come. In a pod of Knative queue-proxy's `/wait-for-drain`.",
  ),
  drainWaitTimeoutMs: number(
    "drain-wait-timeout",
    "PERDURE_DRAIN_WAIT_TIMEOUT_MS",
    10 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "How long `/drain` waits for that.",
  ),
  drainAnswerTimeoutMs: number(
    "drain-answer-timeout",
    "PERDURE_DRAIN_ANSWER_TIMEOUT_MS",
    10_000,
    "ms",
    [0, DAY_MS],
    "How long `/drain` of the admin port then waits for entities to leave memory before it answers all the same.",
  ),
  drainResetTimeoutMs: number(
    "drain-reset-timeout",
    "PERDURE_DRAIN_RESET_TIMEOUT_MS",
    15 * MINUTE_MS,
    "ms",
    [1, DAY_MS],
    "Time after `/drain` in which the proxy is told to stop; if it is not, it is ready again. Longer than a pod is given to end.",
  ),
} as const;
