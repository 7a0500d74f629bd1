// SPDX-License-Identifier: Apache-2.0

import type { EventLogCode } from "../eventlog/mod.ts";
import type { GrpcErrorCode, StatusError } from "../grpc/mod.ts";
import { Status } from "../grpc/mod.ts";

import { isRefusal } from "./failure.ts";
import { EntityStreamError } from "./stateful/entity-error.ts";

/**
 * Whether a command that failed with this error may succeed if it is sent again, because its target has not answered
 * it. An action's own answer with such a status counts as no answer too, because it cannot be distinguished from a
 * status of the connection to the user function.
 */
export function mayPass(error: StatusError): boolean {
  if (isRefusal(error)) return false;
  if (error instanceof EntityStreamError) return error.reason === "unanswered";
  const { status, code } = error;
  if (code === ("OUTCOME_UNKNOWN" satisfies EventLogCode)) return true;
  return PASSING.includes(status) && !TOO_LARGE.includes(code);
}

/** Failures that may pass. `DATA_LOSS` passes after the stored history of the entity was repaired. */
const PASSING: readonly Status[] = [
  Status.UNAVAILABLE,
  Status.DEADLINE_EXCEEDED,
  Status.RESOURCE_EXHAUSTED,
  Status.ABORTED,
  Status.CANCELLED,
  Status.DATA_LOSS,
];

/** The codes with `RESOURCE_EXHAUSTED` that do not pass, because the message stays too large. */
const TOO_LARGE: readonly string[] = [
  "RECORD_TOO_LARGE",
  "MESSAGE_TOO_LARGE",
  "METADATA_TOO_LARGE",
] satisfies (EventLogCode | GrpcErrorCode)[];
