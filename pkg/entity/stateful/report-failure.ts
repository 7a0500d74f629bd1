// SPDX-License-Identifier: Apache-2.0

import { toError } from "../../base/mod.ts";
import type { EntityKey } from "../../eventlog/mod.ts";
import { StatusError } from "../../grpc/mod.ts";

import { logFailure } from "../failure.ts";
import type { EntityContext } from "./context.ts";

/** Logs why an entity could not be activated. Returns the error for the callers who wait. */
export function reportActivationFailure(
  context: EntityContext,
  key: EntityKey,
  thrown: unknown,
): StatusError {
  const error = thrown instanceof StatusError ? thrown : translate(context, key, thrown);
  // The code that finds the user function gone or busy logs it once, so it is not logged for each further command.
  const level = error.code.startsWith("USER_FUNCTION_") ? "debug" : "error";
  context.logger[level]("entity could not be activated", { entity: nameOf(key), error: toError(thrown) });
  return error;
}

/** Logs why a record of an entity could not be stored. Returns the error for the caller whose command it holds. */
export function reportAppendFailure(context: EntityContext, key: EntityKey, thrown: unknown): StatusError {
  const error = translate(context, key, thrown);
  const { code } = error;
  context.logger.warn("append failed", { entity: nameOf(key), code, error: toError(thrown) });
  return error;
}

function translate({ log }: EntityContext, key: EntityKey, thrown: unknown): StatusError {
  return logFailure(thrown, nameOf(key), (position) => log.locate(key, position));
}

/** For people. */
export function nameOf({ type, id }: EntityKey): string {
  return `${type}/${id}`;
}
