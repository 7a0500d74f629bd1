// SPDX-License-Identifier: Apache-2.0

import { number, text } from "../../base/mod.ts";

import { DAY_MS } from "./bounds.ts";

/** The settings of a proxy that cannot start: how long it tries, and where it says why. */
export const START_SETTINGS = {
  startTimeoutMs: number(
    "start-timeout",
    "PERDURE_START_TIMEOUT_MS",
    0,
    "ms",
    [0, DAY_MS],
    "How long the proxy waits at its start for a user function that it can serve, before it ends with exit code 1 and says why; one that it " +
      "refuses ends it at once. After it has served once it stays. 0: it waits for ever, and no user function ends it. In a pod of Knative the " +
      "webhook sets it, so that `kn` shows the reason.",
  ),
  terminationMessageFile: text(
    "termination-message-file",
    "PERDURE_TERMINATION_MESSAGE_FILE",
    "",
    "File that gets the reason, up to 4,096 bytes, when the proxy ends because it cannot start. In a pod of Knative the webhook sets it to " +
      "`/dev/termination-log`, which Kubernetes shows in the pod's status.",
  ),
} as const;
