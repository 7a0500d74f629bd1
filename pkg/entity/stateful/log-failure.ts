// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../../base/mod.ts";
import type { EventLogCode, Position } from "../../eventlog/mod.ts";
import { EventLogError } from "../../eventlog/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { errorFactory, Status } from "../../grpc/mod.ts";
import type { HistoryErrorCode } from "../../record/mod.ts";
import { HistoryError } from "../../record/mod.ts";

/** Why the records of an entity could not be written or read. `INTERNAL`: a bug of the proxy. */
export type LogFailureCode = EventLogCode | HistoryErrorCode | "INTERNAL";

const logError = errorFactory<LogFailureCode>();

/**
 * The error that a caller gets when the log could not be written or read. This is the only place that translates
 * errors of the log. `locate` says where a position of the entity is stored.
 */
export function logFailure(
  error: unknown,
  entity: string,
  locate: (position: Position) => string,
): StatusError<LogFailureCode> {
  if (error instanceof HistoryError) {
    const text = `${entity}: ${locate(error.position)}: ${describeError(error)}`;
    return logError(Status.DATA_LOSS, error.code, text, error);
  }
  if (!(error instanceof EventLogError)) {
    return logError(Status.INTERNAL, "INTERNAL", `${entity}: unexpected failure, see the proxy's log`, error);
  }
  const told = describeError(error);
  const text = told.startsWith(`${entity}: `) ? told : `${entity}: ${told}`;
  return logError(statusOf(error), error.code, text, error);
}

function statusOf(error: EventLogError): Status {
  switch (error.code) {
    case "APPEND_CONFLICT":
      return Status.ABORTED;
    case "OUTCOME_UNKNOWN":
      return Status.UNKNOWN;
    case "RECORD_TOO_LARGE":
    case "LOG_FULL":
      return Status.RESOURCE_EXHAUSTED;
    case "LOG_CORRUPT":
    case "LOG_TOO_NEW":
      return Status.DATA_LOSS;
    case "LOG_UNAVAILABLE":
    case "LOG_UNUSABLE":
    case "LOG_OVERLOADED":
    case "LOG_LOCKED":
    case "LOG_BAD_ADDRESS":
    case "LOG_CLOSED":
      return Status.UNAVAILABLE;
  }
}
