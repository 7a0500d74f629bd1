// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { Outcome } from "../outcome.ts";
import { entityError } from "./entity-error.ts";
import type { Answer } from "./verdict.ts";

/** A command on its way through an entity, and the caller who waits for it. Settled exactly once. */
export interface Delivery {
  readonly command: EntityCommand;
  /** Monotonic milliseconds. */
  readonly arrivedMs: number;
  /** The caller went away while the command was still waiting. */
  abandoned: boolean;
  /** How often its append was refused because another proxy wrote to the entity first. */
  conflicts: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: StatusError) => void;
}

/**
 * The error for a waiting command whose caller has left, or which has waited too long; undefined: carry it out.
 *
 * @param nowMs monotonic
 * @param entity its name, for the error text
 */
export function expiredWaiting(
  { command, abandoned, arrivedMs }: Delivery,
  nowMs: number,
  relayTimeoutMs: number,
  entity: string,
): StatusError | undefined {
  if (abandoned) return entityError(Status.CANCELLED, "CANCELLED", "the caller went away");
  if (nowMs < Math.min(command.call.deadlineMs ?? Number.POSITIVE_INFINITY, arrivedMs + relayTimeoutMs))
    return undefined;
  const text = `the command waited ${Math.round(nowMs - arrivedMs)} ms behind others of ${entity}`;
  return entityError(Status.DEADLINE_EXCEEDED, "MAILBOX_TIMEOUT", text);
}

/** The answer to a command that failed. */
export function failed(error: StatusError): Answer {
  return { ok: false, error };
}

/** Resolves or rejects the delivery with the answer to its command. */
export function settle(delivery: Delivery, answer: Answer | undefined): void {
  assert(answer !== undefined, "a settled command has an answer");
  if (answer.ok) delivery.resolve(answer.outcome);
  else delivery.reject(answer.error);
}
