// SPDX-License-Identifier: Apache-2.0

import { toError } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import { StatusError } from "../../grpc/mod.ts";
import { isUserFunctionUnavailable } from "../../userfunction/mod.ts";

import type { EntityContext } from "./context.ts";
import type { LogFailureCode } from "./log-failure.ts";
import { logFailure } from "./log-failure.ts";

/** Logs why an entity could not be activated. Returns the error for the callers who wait. */
export function reportActivationFailure(
  context: EntityContext,
  key: EntityKey,
  thrown: unknown,
): StatusError {
  const error = thrown instanceof StatusError ? thrown : translate(context, key, thrown);
  // What finds the user function gone or busy logs that once, so it is not logged for each further command.
  const level = isUserFunctionUnavailable(error) ? "debug" : "error";
  context.logger[level]("entity could not be activated", { entity: nameOf(key), error: toError(thrown) });
  return error;
}

/** Logs why a record of an entity could not be stored. Returns the error for the caller whose command it holds. */
export function reportAppendFailure(
  context: EntityContext,
  key: EntityKey,
  thrown: unknown,
): StatusError<LogFailureCode> {
  const error = translate(context, key, thrown);
  const { code } = error;
  context.logger.warn("append failed", { entity: nameOf(key), code, error: toError(thrown) });
  return error;
}

function translate({ log }: EntityContext, key: EntityKey, thrown: unknown): StatusError<LogFailureCode> {
  return logFailure(thrown, nameOf(key), (position) => log.locate(key, position));
}

/** For people. */
export function nameOf({ type, id }: EntityKey): string {
  return `${type}/${id}`;
}
