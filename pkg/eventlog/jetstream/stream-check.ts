// SPDX-License-Identifier: Apache-2.0

import { EventLogError } from "../event-log.ts";
import type { Layout } from "./layout.ts";
import type { Publisher } from "./publisher.ts";

/** No stream has such a sequence, so an append after it is always refused. */
const NOWHERE = Number.MAX_SAFE_INTEGER;

/**
 * Finds out whether a stream of events would take an append, by one that cannot be stored: it names a position that
 * no record has. A stream that works refuses it by the fence (I3), which is the last thing before storing. So the
 * connection, the permission, JetStream, the stream, its leader and its settings are what the next append will meet;
 * its disk and its limits are not.
 *
 * @throws EventLogError
 */
export async function checkStreamWorks(publisher: Publisher, layout: Layout, number: number): Promise<void> {
  const { stream, subject } = layout.check(number);
  const entity = { type: "stream", id: stream };
  const answer = await publisher.publish({ subject, expected: NOWHERE, payload: new Uint8Array(), entity });
  if (answer.kind === "contested" || answer.kind === "stored") return;
  const { code, message, cause } = answer.error;
  // Nothing was sent that could have been stored.
  throw new EventLogError(code === "OUTCOME_UNKNOWN" ? "LOG_UNAVAILABLE" : code, message, { cause });
}
