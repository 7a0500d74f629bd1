// SPDX-License-Identifier: Apache-2.0

import { errorFactory, Status, StatusError } from "../../grpc/mod.ts";

import type { ServiceErrorCode } from "../failure.ts";

/** Why a command of an entity was not carried out, besides what the log says (`LogFailureCode`). */
export type EntityErrorCode =
  | ServiceErrorCode
  /** The entity's stream ended, or the user function broke its protocol; see `EntityStreamError`. */
  | "ENTITY_STREAM_BROKEN"
  /** The command waited too long behind others of its entity. Nothing was done. */
  | "MAILBOX_TIMEOUT"
  /** Too many commands wait for the entity. Nothing was done. */
  | "MAILBOX_FULL"
  /** Every entity in memory is busy and there may be no more of them. Nothing was done. */
  | "TOO_MANY_ENTITIES"
  /** The proxy is stopping. Nothing was done. */
  | "PROXY_STOPPING"
  /** Another proxy owns the shard of the entity, or will soon. Nothing was done. */
  | "SHARD_RELEASED"
  /** The idempotency key belongs to another command. Nothing was done. */
  | "IDEMPOTENCY_KEY_REUSED"
  /** Too many side effects of the entity wait to be carried out. Nothing was stored. */
  | "TOO_MANY_EFFECTS";

export const entityError = errorFactory<EntityErrorCode>();

/** This proxy does not have the shard. */
export function shardReleased(shard: number): StatusError<EntityErrorCode> {
  const text = `shard ${shard}, to which the entity belongs, moves to another proxy; try again`;
  return entityError(Status.UNAVAILABLE, "SHARD_RELEASED", text);
}

/** What happened to a command whose entity's stream failed. */
export type StreamBreak =
  /** The user function has not answered it: the stream ended before, or the command still waited to be sent. */
  | "unanswered"
  /** The user function answered it with a failure of the stream, or with something that the protocol forbids. */
  | "violated";

/** Callers get one code and one of `StreamTexts`, as from Cloudstate's proxy; the proxy itself decides by `reason`. */
export class EntityStreamError extends StatusError<EntityErrorCode> {
  readonly reason: StreamBreak;

  /** @param text one of `StreamTexts`, to which an explanation may be added. */
  constructor(reason: StreamBreak, text: string) {
    super(Status.UNKNOWN, "ENTITY_STREAM_BROKEN", text);
    this.reason = reason;
  }
}
