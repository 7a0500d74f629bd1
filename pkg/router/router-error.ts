// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";

import { errorFactory, Status, StatusError } from "../grpc/mod.ts";

/** Why a command was not carried out, or not to its end. Entities and actions have codes of their own besides. */
export type RouterErrorCode =
  /** The request is not the declared input message. Nothing was done. */
  | "MALFORMED_MESSAGE"
  /** The request has more fields than may be read. Nothing was done. */
  | "REQUEST_TOO_MANY_FIELDS"
  /** The request names no entity. Nothing was done. */
  | "ENTITY_KEY_MISSING"
  /** The entity id is too long. Nothing was done. */
  | "ENTITY_ID_TOO_LONG"
  /** Another key may give the same entity id. Nothing was done. */
  | "ENTITY_KEY_AMBIGUOUS"
  /** The user function forwarded to a method that does not exist or does not fit. What it stored itself is stored. */
  | "BAD_TARGET"
  /** The user function answered without a reply. What it stored is stored. */
  | "NO_REPLY"
  /** More than one answer to a command that takes one. */
  | "MESSAGE_COUNT"
  /** The shard of the entity moved to another proxy for longer than the caller waited. Nothing was done. */
  | "SHARD_MOVING"
  /** Three proxies in a row did not own the shard of the entity. Nothing was done. */
  | "TOO_MANY_HOPS"
  /** A bug of the proxy; its log tells more. */
  | "INTERNAL";

export const routerError = errorFactory<RouterErrorCode>();

/** Turns anything that was thrown into an error that a caller may see. */
export function toStatusError(thrown: unknown): StatusError {
  if (thrown instanceof StatusError) return thrown;
  return routerError(Status.INTERNAL, "INTERNAL", "unexpected failure, see the proxy's log", thrown);
}

/** The proxy does not read as many fields as the request has. */
export function tooManyFields({ typeName }: DescMessage, maxFields: number): StatusError<RouterErrorCode> {
  const text = `the request, a ${typeName}, has more than ${maxFields} fields, as --max-request-fields allows`;
  return routerError(Status.INVALID_ARGUMENT, "REQUEST_TOO_MANY_FIELDS", text);
}

/** The user function answered without a reply a command that has exactly one. */
export function noReply(): StatusError<RouterErrorCode> {
  return routerError(Status.INTERNAL, "NO_REPLY", "the user function answered without a reply");
}

/** The caller's error for a forward that cannot be followed. The report to the user function's developer says more. */
export function badTarget(): StatusError<RouterErrorCode> {
  const text = "the user function asked for a command that cannot be carried out";
  return routerError(Status.INTERNAL, "BAD_TARGET", text);
}

/** Whether a forward or a side effect has a target that does not exist or does not fit. */
export function isBadTarget({ code }: StatusError): boolean {
  return code === ("BAD_TARGET" satisfies RouterErrorCode);
}
