// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { methodName } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import type { Outcome } from "../outcome.ts";
import type { EndedCommand } from "../slowest-commands.ts";
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

/** The error for a waiting command whose caller has left, or which has waited too long; undefined: carry it out. */
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

export function failed(error: StatusError): Answer {
  return { ok: false, error };
}

/** The code of a failure; undefined: the command was carried out. */
export function codeOf(answer: Answer | undefined): string | undefined {
  if (answer === undefined) return undefined;
  if (!answer.ok) return answer.error.code;
  return answer.outcome.kind === "failure" ? answer.outcome.error.code : undefined;
}

/** When a command got how far, in monotonic milliseconds. */
interface Times {
  /** To the user function; earlier than its arrival: it did not get there. */
  readonly sentMs: number;
  /** To the log; undefined: nothing was to be stored. */
  readonly answeredMs: number | undefined;
  readonly endedMs: number;
}

/** What is kept of a command that was slow. */
export function endedCommand(
  { command: { method, call }, arrivedMs }: Delivery,
  entity: string,
  { sentMs, answeredMs, endedMs }: Times,
  code: string | undefined,
): EndedCommand {
  return {
    method: methodName(method),
    entity,
    endedMs,
    tookMs: endedMs - arrivedMs,
    waitedMs: (sentMs < arrivedMs ? endedMs : sentMs) - arrivedMs,
    storingMs: answeredMs === undefined ? 0 : endedMs - answeredMs,
    code,
    trace: call.trace,
  };
}

export function settle(delivery: Delivery, answer: Answer | undefined): void {
  assert(answer !== undefined, "a settled command has an answer");
  if (answer.ok) delivery.resolve(answer.outcome);
  else delivery.reject(answer.error);
}
