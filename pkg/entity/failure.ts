// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import { errorFactory, isErrorStatus, Status } from "../grpc/mod.ts";
import type { Failure } from "../protocol/mod.ts";
import { FAILURES } from "../userfunction/mod.ts";

/** Why a command was not carried out, whatever the kind of its service. Each kind has codes of its own besides. */
export type ServiceErrorCode =
  /** The user function refused the command; the text is its own, and so may be the status. */
  | "COMMAND_FAILED"
  /** The user function did not answer in time. */
  | "RELAY_TIMEOUT"
  /** The caller went away. */
  | "CANCELLED"
  /** There is no memory for the answer, or its caller has used up its share. An entity has stored nothing of it. */
  | "RESPONSE_BUFFER_FULL"
  /** The user function's answer contradicts itself, or cannot be read. An entity has stored nothing of it. */
  | "PROTOCOL_VIOLATION"
  /** A bug of the proxy; its log tells more. */
  | "INTERNAL";

const serviceError = errorFactory<ServiceErrorCode>();

export function answerRefused(): StatusError<ServiceErrorCode> {
  const text = "too many bytes of answers wait to be read; nothing was stored, try again later";
  return serviceError(Status.RESOURCE_EXHAUSTED, "RESPONSE_BUFFER_FULL", text);
}

/** The user function refused the command. It may choose the status if it has announced the extension `FAILURES`. */
export function commandFailed(
  { description, grpcStatus }: Pick<Failure, "description" | "grpcStatus">,
  extensions: ReadonlySet<string>,
): StatusError<ServiceErrorCode> {
  const isOwn = isErrorStatus(grpcStatus) && extensions.has(FAILURES);
  return refusal(isOwn ? grpcStatus : Status.UNKNOWN, description);
}

export function refusal(status: Status, description: string): StatusError<ServiceErrorCode> {
  return serviceError(status, "COMMAND_FAILED", description);
}

export function isRefusal({ code }: StatusError): boolean {
  return code === ("COMMAND_FAILED" satisfies ServiceErrorCode);
}

/** Whether the user function has judged the command and refused it, so that another try cannot succeed. */
export function isFinal(error: StatusError): boolean {
  return isRefusal(error) && FINAL.includes(error.status);
}

const FINAL: readonly Status[] = [
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.ALREADY_EXISTS,
  Status.PERMISSION_DENIED,
  Status.FAILED_PRECONDITION,
  Status.OUT_OF_RANGE,
];
