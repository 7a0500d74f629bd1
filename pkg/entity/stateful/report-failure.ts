// SPDX-License-Identifier: Apache-2.0

import { describeError, toError } from "../../base/mod.ts";
import type { EntityKey, EventLogCode, Position } from "../../eventlog/mod.ts";
import { EventLogError } from "../../eventlog/mod.ts";
import { errorFactory, Status, StatusError } from "../../grpc/mod.ts";
import type { HistoryErrorCode } from "../../record/mod.ts";
import { HistoryError } from "../../record/mod.ts";
import type { TraceContext } from "../../telemetry/mod.ts";
import { traceFields } from "../../telemetry/mod.ts";
import { isUserFunctionUnavailable } from "../../userfunction/mod.ts";

import type { EntityContext } from "./context.ts";
import type { Delivery } from "./delivery.ts";
import type { EntityStreamError } from "./entity-error.ts";

/** Why the records of an entity could not be written or read. `INTERNAL`: a bug of the proxy. */
export type LogFailureCode = EventLogCode | HistoryErrorCode | "INTERNAL";

const logError = errorFactory<LogFailureCode>();

/**
 * Logs why an entity could not be activated. Returns the error for the callers who wait.
 *
 * @param trace the span of the first of them
 */
export function reportActivationFailure(
  context: EntityContext,
  key: EntityKey,
  thrown: unknown,
  trace: TraceContext | undefined,
): StatusError {
  const error = thrown instanceof StatusError ? thrown : translate(context, key, thrown);
  // What finds the user function gone or busy logs that once, so it is not logged for each further command.
  const level = isUserFunctionUnavailable(error) ? "debug" : "error";
  context.telemetry.logger[level]("entity could not be activated", {
    entity: nameOf(key),
    code: error.code,
    error: toError(thrown),
    ...traceFields(trace),
  });
  return error;
}

/**
 * Logs why a record of an entity could not be stored. Returns the error for the caller whose command it holds.
 *
 * @param delivery that command; undefined: it holds none
 */
export function reportAppendFailure(
  context: EntityContext,
  key: EntityKey,
  thrown: unknown,
  delivery: Delivery | undefined,
): StatusError<LogFailureCode> {
  const error = translate(context, key, thrown);
  const { code } = error;
  const ofTrace = traceFields(delivery?.command.call.trace);
  context.telemetry.logger.warn("append failed", {
    entity: nameOf(key),
    code,
    error: toError(thrown),
    ...ofTrace,
  });
  return error;
}

/** How a stream of an entity was lost. */
export interface BrokenStream {
  readonly error: EntityStreamError;
  /** What the user function or the connection says. */
  readonly detail: string;
  /** The user function itself tells its developer why. */
  readonly isTold: boolean;
  /** No caller is affected. */
  readonly isIdle: boolean;
}

/**
 * Logs why a stream of an entity was lost.
 *
 * @param trace the span of the command that is affected first
 */
export function reportBrokenStream(
  { telemetry }: EntityContext,
  key: EntityKey,
  { error: { code, message: text }, detail, isTold, isIdle }: BrokenStream,
  trace: TraceContext | undefined,
): void {
  // Idle entities are only for debugging, because a user function that stops ends all streams.
  const level = isIdle ? "debug" : isTold ? "info" : "warn";
  const fields = { entity: nameOf(key), code, text, detail, ...traceFields(trace) };
  telemetry.logger[level]("entity stream broke", fields);
}

/** The error for a command whose record is on its way to the log, and of which this proxy will not hear more. */
export function outcomeUnknown(key: EntityKey): StatusError<LogFailureCode> {
  const text = `${nameOf(key)} moves to another proxy, and nobody knows here whether the command is stored`;
  return logError(STATUSES.OUTCOME_UNKNOWN, "OUTCOME_UNKNOWN", text);
}

function translate({ log }: EntityContext, key: EntityKey, thrown: unknown): StatusError<LogFailureCode> {
  return logFailure(thrown, nameOf(key), (position) => log.locate(key, position));
}

/** The one translation of the log's errors for callers. `locate` says where a position of the entity is stored. */
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
  return logError(STATUSES[error.code], error.code, text, error);
}

const STATUSES: Readonly<Record<EventLogCode, Status>> = {
  APPEND_CONFLICT: Status.ABORTED,
  OUTCOME_UNKNOWN: Status.UNKNOWN,
  RECORD_TOO_LARGE: Status.RESOURCE_EXHAUSTED,
  LOG_FULL: Status.RESOURCE_EXHAUSTED,
  LOG_CORRUPT: Status.DATA_LOSS,
  LOG_TOO_NEW: Status.DATA_LOSS,
  LOG_UNAVAILABLE: Status.UNAVAILABLE,
  LOG_UNUSABLE: Status.UNAVAILABLE,
  LOG_OVERLOADED: Status.UNAVAILABLE,
  LOG_LOCKED: Status.UNAVAILABLE,
  LOG_BAD_ADDRESS: Status.UNAVAILABLE,
  LOG_CLOSED: Status.UNAVAILABLE,
};

/** For people. */
export function nameOf({ type, id }: EntityKey): string {
  return `${type}/${id}`;
}
