// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";
import type { Layout } from "./layout.ts";
import type { Publisher } from "./publisher.ts";

/** No stream has such a sequence, so an append after it is always refused. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

/**
 * Checks whether a stream of events would take an append, by sending one behind a position that no record has. If all
 * works, the fence (I3) refuses it, which is the server's last check before storing. So this covers the connection, the
 * permission, JetStream, the stream, its leader and its settings, but not its disk and limits. @throws EventLogError
 */
export async function checkStreamWorks(publisher: Publisher, layout: Layout, number: number): Promise<void> {
  const { stream, subject } = layout.check(number);
  const entity = { type: "stream", id: stream };
  const answer = await publisher.publish({ subject, expected: NOWHERE, payload: new Uint8Array(), entity });
  if (answer.kind === "contested" || answer.kind === "stored") return;
  const { code, message, cause } = answer.error;
  // The message could not have been stored, so the outcome is known.
  throw new EventLogError(code === "OUTCOME_UNKNOWN" ? "LOG_UNAVAILABLE" : code, message, { cause });
}
