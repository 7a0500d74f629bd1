// SPDX-License-Identifier: Apache-2.0

import type { Msg } from "@nats-io/transport-node";

/** The server's status for a request to a subject that nobody subscribes to. */
const NO_RESPONDERS = 503;

/** Whether the server itself answered a request, because nobody takes it. */
export function isNoResponder({ headers }: Pick<Msg, "headers">): boolean {
  return headers?.code === NO_RESPONDERS;
}
