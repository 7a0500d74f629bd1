// SPDX-License-Identifier: Apache-2.0

import { cutText } from "../base/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import { errorFactory, Status } from "../grpc/mod.ts";

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

const userFunctionError = errorFactory<UserFunctionErrorCode>();

/** Longest reason that callers get, in UTF-16 code units; it is bounded because it is sent in headers. */
const MAX_REASON_LENGTH = 1_000;

/** The user function is not connected, but may be soon. */
export function unavailable(text: string): StatusError<UserFunctionErrorCode> {
  return userFunctionError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", text);
}

/** Nothing of it is served. Callers do not try again on this status, because waiting does not help. */
export function refused(reason: string): StatusError<UserFunctionErrorCode> {
  return userFunctionError(Status.UNIMPLEMENTED, "USER_FUNCTION_REFUSED", refusal(reason));
}

/** One part of it is not served. */
export function notServed({ reason }: UnservedPart): StatusError<UserFunctionErrorCode> {
  return userFunctionError(Status.UNIMPLEMENTED, "NOT_SERVED", refusal(reason));
}

/** It has as many streams as it takes, and none became free in time. */
export function busy(text: string): StatusError<UserFunctionErrorCode> {
  return userFunctionError(Status.RESOURCE_EXHAUSTED, "USER_FUNCTION_BUSY", text);
}

/** Whether a stream could not be opened because the user function is gone, refused or busy. */
export function isUserFunctionUnavailable({ code }: StatusError): boolean {
  return UNAVAILABLE.includes(code);
}

const UNAVAILABLE: readonly string[] = [
  "USER_FUNCTION_UNAVAILABLE",
  "USER_FUNCTION_REFUSED",
  "USER_FUNCTION_BUSY",
] satisfies UserFunctionErrorCode[];

function refusal(reason: string): string {
  return `refused: ${cutText(reason, MAX_REASON_LENGTH)}`;
}
