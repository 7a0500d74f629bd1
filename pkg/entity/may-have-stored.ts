// SPDX-License-Identifier: Apache-2.0

import type { EventLogCode } from "../eventlog/mod.ts";
import { StatusError } from "../grpc/mod.ts";

import type { Outcome } from "./outcome.ts";
import type { EntityErrorCode } from "./stateful/entity-error.ts";

/**
 * Whether a command of an entity that ended so has changed the entity, or may have, so that it would do so twice if it
 * were carried out again without an idempotency key. A commit that is refused stores nothing.
 */
export function mayHaveStored(end: Outcome | StatusError): boolean {
  return end instanceof StatusError ? UNKNOWN.includes(end.code) : end.hasStored === true;
}

/** The codes of an append whose outcome nobody knows, and of a bug, after which nobody knows anything. */
const UNKNOWN: readonly string[] = ["OUTCOME_UNKNOWN", "INTERNAL"] satisfies (
  | EventLogCode
  | EntityErrorCode
)[];
