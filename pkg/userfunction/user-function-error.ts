// SPDX-License-Identifier: Apache-2.0

import { cutText } from "../base/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";

import type { UnservedPart } from "./spec.ts";

/** Why the user function cannot be asked. Nothing was done. */
export type UserFunctionErrorCode =
  /** It is not there at the moment. */
  | "USER_FUNCTION_UNAVAILABLE"
  /** The proxy serves nothing of it, for a reason that does not pass by waiting. */
  | "USER_FUNCTION_REFUSED"
  /** It announces what is asked for, and the proxy does not serve that part. */
  | "NOT_SERVED"
  /** It takes no further stream at the moment. */
  | "USER_FUNCTION_BUSY";

/** What callers read of the reasons, in UTF-16 code units: it travels in headers. */
const MAX_REASON_LENGTH = 1_000;

/** It may be there soon. */
export function unavailable(text: string): StatusError {
  return userFunctionError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", text);
}

/** Nothing of it is served. Waiting does not help, so the status is none that callers try again for. */
export function refused(reason: string): StatusError {
  return userFunctionError(Status.UNIMPLEMENTED, "USER_FUNCTION_REFUSED", refusal(reason));
}

/** One part of it is not served. */
export function notServed({ reason }: UnservedPart): StatusError {
  return userFunctionError(Status.UNIMPLEMENTED, "NOT_SERVED", refusal(reason));
}

/** It has as many streams as it takes, and none became free in time. */
export function busy(text: string): StatusError {
  return userFunctionError(Status.RESOURCE_EXHAUSTED, "USER_FUNCTION_BUSY", text);
}

function refusal(reason: string): string {
  return `refused: ${cutText(reason, MAX_REASON_LENGTH)}`;
}

function userFunctionError(status: Status, code: UserFunctionErrorCode, text: string): StatusError {
  return new StatusError(status, code, text);
}
