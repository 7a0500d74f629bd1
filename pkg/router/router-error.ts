// SPDX-License-Identifier: Apache-2.0

import type { DescMessage } from "@bufbuild/protobuf";

import { errorFactory, Status, StatusError } from "../grpc/mod.ts";

import type { Gone } from "./with-caller.ts";

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
  /**
   * The shard of the entity moved to another proxy for longer than the caller waited, or too often. Nothing was done,
   * unless the command has an idempotency key.
   */
  | "SHARD_MOVING"
  /** This proxy lost the shard, or could not make sure that it has it, before the answer left. It may be stored. */
  | "ANSWER_WITHHELD"
  /** Three proxies in a row did not own the shard. Nothing was done, unless the command has an idempotency key. */
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

/** @param why the caller waits no more, no owner was found in time, or this proxy lost the shard too often. */
export function shardMoving(
  shard: number,
  why: Gone | "unowned" | "unsettled",
): StatusError<RouterErrorCode> {
  const named = `shard ${shard}, to which the entity belongs,`;
  switch (why) {
    case "left":
      return routerError(Status.CANCELLED, "SHARD_MOVING", "the caller went away");
    case "late":
      return routerError(
        Status.DEADLINE_EXCEEDED,
        "SHARD_MOVING",
        `${named} still moves to another proxy; try again`,
      );
    case "unowned":
      return routerError(
        Status.UNAVAILABLE,
        "SHARD_MOVING",
        `no proxy took ${named} within --shard-wait-timeout: is the log well? try again later`,
      );
    case "unsettled":
      return routerError(
        Status.UNAVAILABLE,
        "SHARD_MOVING",
        `${named} moves to and fro between proxies; try again`,
      );
  }
}

/**
 * An answer that must not leave, because another proxy may serve the shard.
 *
 * @param why the caller waits no more, or this proxy has lost the shard for certain
 * @param isSafe nothing was stored, or the command has an idempotency key
 */
export function answerWithheld(
  shard: number,
  why: Gone | "over",
  isSafe: boolean,
): StatusError<RouterErrorCode> {
  const advice = isSafe ? "; try again" : ": the outcome is unknown; read before you try again";
  const named = `shard ${shard}, to which the entity belongs,`;
  switch (why) {
    case "left":
      return routerError(Status.CANCELLED, "ANSWER_WITHHELD", "the caller went away");
    case "late": {
      const text = `${named} may have moved to another proxy, which could not be ruled out in time${advice}`;
      return routerError(Status.DEADLINE_EXCEEDED, "ANSWER_WITHHELD", text);
    }
    case "over": {
      const text = `${named} moved to another proxy before the answer could leave${advice}`;
      return routerError(Status.UNAVAILABLE, "ANSWER_WITHHELD", text);
    }
  }
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
