// SPDX-License-Identifier: Apache-2.0

import { describeError } from "../base/mod.ts";
import type { Position } from "../eventlog/mod.ts";
import { EventLogError } from "../eventlog/mod.ts";
import { isErrorStatus, Status, StatusError } from "../grpc/mod.ts";
import type { Failure } from "../protocol/mod.ts";
import { HistoryError } from "../record/mod.ts";
import { FAILURES } from "../userfunction/mod.ts";

/**
 * The error texts that callers get when an entity's stream fails. They are Cloudstate's texts to the letter, because
 * clients and its TCK compare them.
 */
export interface StreamTexts {
  /** A reply to a command that is not open. */
  readonly reply: string;
  /** The user function sent a failure for the stream. */
  readonly failure: string;
  /** Not a message of the protocol. */
  readonly message: string;
  /** The stream ended. */
  readonly termination: string;
  /** For callers whose command was still waiting. */
  readonly waiting: string;
}

export const EVENT_SOURCED_TEXTS: StreamTexts = {
  reply: "Unexpected entity reply",
  failure: "Unexpected entity failure",
  message: "Unexpected entity message",
  termination: "Unexpected entity termination",
  waiting: "Entity terminated",
};

export const VALUE_TEXTS: StreamTexts = {
  reply: "Unexpected Value entity reply",
  failure: "Unexpected Value entity failure",
  message: "Unexpected Value entity failure",
  termination: "Unexpected Value entity termination",
  waiting: "Value entity terminated",
};

/** Why a command was not carried out, besides what the log says (`EventLogCode`, `HistoryErrorCode`). */
export type EntityErrorCode =
  /** The user function refused the command; the text is its own, and so may be the status. */
  | "COMMAND_FAILED"
  /** The user function broke the protocol of the entity's stream, or went away; the text is one of `StreamTexts`. */
  | "ENTITY_STREAM_BROKEN"
  /** The user function did not answer in time. */
  | "RELAY_TIMEOUT"
  /** A stream of an action had no message in either direction for too long. */
  | "STREAM_IDLE"
  /** The command waited too long behind others of its entity. Nothing was done. */
  | "MAILBOX_TIMEOUT"
  /** Too many commands wait for the entity. Nothing was done. */
  | "MAILBOX_FULL"
  /** The caller went away while the command waited. Nothing was done. */
  | "CANCELLED"
  /** There is no memory for the answer, or its caller has used up its share. Nothing was stored. */
  | "RESPONSE_BUFFER_FULL"
  /** Every entity in memory is busy and there may be no more of them. Nothing was done. */
  | "TOO_MANY_ENTITIES"
  /** The proxy is stopping. Nothing was done. */
  | "PROXY_STOPPING"
  /** Another proxy owns the shard of the entity, or will soon. Nothing was done. */
  | "SHARD_RELEASED"
  /** The idempotency key belongs to another command. Nothing was done. */
  | "IDEMPOTENCY_KEY_REUSED"
  /** The user function's reply contradicts itself. Nothing was stored. */
  | "PROTOCOL_VIOLATION"
  /** Too many side effects of the entity wait to be carried out. Nothing was stored. */
  | "TOO_MANY_EFFECTS"
  /** The chain of forwards and side effects is longer than `maxForwardDepth`. Nothing was stored. */
  | "CHAIN_TOO_LONG"
  /** More than `maxDescendants` forwards and side effects would follow from a caller's command. Nothing was stored. */
  | "TOO_MANY_DESCENDANTS"
  /** A bug of the proxy; its log tells more. */
  | "INTERNAL";

export function entityError(
  status: Status,
  code: EntityErrorCode,
  text: string,
  cause?: unknown,
): StatusError {
  return new StatusError(status, code, text, cause === undefined ? undefined : { cause });
}

/** There is no memory for an answer. */
export function answerRefused(): StatusError {
  const text = "too many bytes of answers wait to be read; nothing was stored, try again later";
  return entityError(Status.RESOURCE_EXHAUSTED, "RESPONSE_BUFFER_FULL", text);
}

/** The stream of the entity broke; the text is one of `StreamTexts`. */
export function brokenStream(text: string): StatusError {
  return entityError(Status.UNKNOWN, "ENTITY_STREAM_BROKEN", text);
}

/**
 * Whether a command that failed with this error may succeed if it is sent again, because its target has not answered
 * it. An action's own answer with such a status counts as no answer too, because it cannot be distinguished from a
 * status of the connection to the user function.
 */
export function mayPass({ status, code, message }: StatusError): boolean {
  if (code === "COMMAND_FAILED") return false;
  if (code === "ENTITY_STREAM_BROKEN") return ENDED.includes(message);
  return code === "OUTCOME_UNKNOWN" || (PASSING.includes(status) && !TOO_LARGE.includes(code));
}

/** The texts for a stream that ended, and not for one on which the user function broke the protocol. */
const ENDED: readonly string[] = [EVENT_SOURCED_TEXTS, VALUE_TEXTS].flatMap(({ termination, waiting }) => [
  termination,
  waiting,
]);

/** Failures that may pass. `DATA_LOSS` passes after the stored history of the entity was repaired. */
const PASSING: readonly Status[] = [
  Status.UNAVAILABLE,
  Status.DEADLINE_EXCEEDED,
  Status.RESOURCE_EXHAUSTED,
  Status.ABORTED,
  Status.CANCELLED,
  Status.DATA_LOSS,
];

/** The codes with `RESOURCE_EXHAUSTED` that do not pass, because the message stays too large. */
const TOO_LARGE: readonly string[] = ["RECORD_TOO_LARGE", "MESSAGE_TOO_LARGE", "METADATA_TOO_LARGE"];

/** The user function refused the command. It may choose the status if it has announced the extension `FAILURES`. */
export function commandFailed(
  { description, grpcStatus }: Pick<Failure, "description" | "grpcStatus">,
  extensions: ReadonlySet<string>,
): StatusError {
  const isOwn = isErrorStatus(grpcStatus) && extensions.has(FAILURES);
  return refusal(isOwn ? grpcStatus : Status.UNKNOWN, description);
}

/** The user function's refusal of a command. */
export function refusal(status: Status, description: string): StatusError {
  return entityError(status, "COMMAND_FAILED", description);
}

/**
 * Whether the user function refused the command finally: the status says that it has judged the command, and not that
 * another try may succeed.
 */
export function isFinal({ code, status }: StatusError): boolean {
  return code === "COMMAND_FAILED" && FINAL.includes(status);
}

const FINAL: readonly Status[] = [
  Status.INVALID_ARGUMENT,
  Status.NOT_FOUND,
  Status.ALREADY_EXISTS,
  Status.PERMISSION_DENIED,
  Status.FAILED_PRECONDITION,
  Status.OUT_OF_RANGE,
];

/**
 * The error that a caller gets when the log could not be written or read. This is the only place that translates
 * errors of the log. `locate` says where a position of the entity is stored.
 */
export function logFailure(
  error: unknown,
  entity: string,
  locate: (position: Position) => string,
): StatusError {
  if (error instanceof HistoryError) {
    const text = `${entity}: ${locate(error.position)}: ${describeError(error)}`;
    return new StatusError(Status.DATA_LOSS, error.code, text, { cause: error });
  }
  if (!(error instanceof EventLogError)) {
    return entityError(
      Status.INTERNAL,
      "INTERNAL",
      `${entity}: unexpected failure, see the proxy's log`,
      error,
    );
  }
  const told = describeError(error);
  const text = told.startsWith(`${entity}: `) ? told : `${entity}: ${told}`;
  return new StatusError(statusOf(error), error.code, text, { cause: error });
}

function statusOf(error: EventLogError): Status {
  switch (error.code) {
    case "APPEND_CONFLICT":
      return Status.ABORTED;
    case "OUTCOME_UNKNOWN":
      return Status.UNKNOWN;
    case "RECORD_TOO_LARGE":
    case "LOG_FULL":
      return Status.RESOURCE_EXHAUSTED;
    case "LOG_CORRUPT":
    case "LOG_TOO_NEW":
      return Status.DATA_LOSS;
    case "LOG_UNAVAILABLE":
    case "LOG_UNUSABLE":
    case "LOG_OVERLOADED":
    case "LOG_LOCKED":
    case "LOG_BAD_ADDRESS":
    case "LOG_CLOSED":
      return Status.UNAVAILABLE;
  }
}
