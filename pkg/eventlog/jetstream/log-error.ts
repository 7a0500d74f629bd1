// SPDX-License-Identifier: Apache-2.0

/** The only file that translates errors of `pkg/nats` into errors of the log. */

import { JetStreamApiError } from "@nats-io/jetstream";

import { toError } from "../../base/mod.ts";
import type { NatsCode } from "../../nats/mod.ts";
import { missingPermission, NatsError, natsErrorOf } from "../../nats/mod.ts";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";
import type { Effect, PublishFailure } from "./api-error.ts";
import { apiError, NO_STREAM } from "./api-error.ts";

/** What an error of NATS means for the log. */
interface Meaning {
  readonly code: EventLogCode;
  /** For a publish. `unanswered` makes the code `OUTCOME_UNKNOWN`. */
  readonly publish: PublishFailure["kind"];
}

const MEANINGS: Readonly<Record<NatsCode, Meaning>> = {
  NATS_UNREACHABLE: { code: "LOG_UNAVAILABLE", publish: "busy" },
  NATS_UNAUTHORIZED: { code: "LOG_UNUSABLE", publish: "refused" },
  NATS_BAD_TLS: { code: "LOG_UNUSABLE", publish: "refused" },
  NATS_BAD_FILE: { code: "LOG_UNUSABLE", publish: "refused" },
  NATS_BAD_ADDRESS: { code: "LOG_BAD_ADDRESS", publish: "refused" },
  NATS_UNFIT_SERVER: { code: "LOG_UNUSABLE", publish: "refused" },
  NATS_NOT_CONNECTED: { code: "LOG_UNAVAILABLE", publish: "busy" },
  NATS_NOT_SENT: { code: "LOG_UNAVAILABLE", publish: "refused" },
  NATS_MAY_NOT_PUBLISH: { code: "LOG_UNUSABLE", publish: "refused" },
  NATS_MAY_NOT_SUBSCRIBE: { code: "LOG_UNUSABLE", publish: "unanswered" },
  NATS_NO_RESPONDERS: { code: "LOG_UNAVAILABLE", publish: "busy" },
  NATS_NO_ANSWER: { code: "LOG_UNAVAILABLE", publish: "unanswered" },
  NATS_FAILED: { code: "LOG_UNAVAILABLE", publish: "unanswered" },
};

/** Translates whatever a request threw. An `EventLogError` stays as it is. `doing` begins the text. */
export function logError(thrown: unknown, doing: string, effect: Effect): EventLogError {
  if (thrown instanceof EventLogError) return thrown;
  if (thrown instanceof JetStreamApiError) return apiError(thrown.apiError(), doing, effect, thrown);
  const error = natsErrorOf(thrown);
  const { code, publish } = MEANINGS[error.code];
  const isUnknown = effect === "write" && publish === "unanswered";
  const cause = error.cause ?? error;
  return new EventLogError(isUnknown ? "OUTCOME_UNKNOWN" : code, `${doing}: ${textOf(error)}`, { cause });
}

export function failedPublish(reason: Error, doing: string): PublishFailure {
  const error = natsErrorOf(reason);
  return { kind: MEANINGS[error.code].publish, error: logError(error, doing, "write") };
}

/** Translates a failure to connect or an unfit server; the text names the server or file. Others stay as they are. */
export function openError(thrown: unknown): Error {
  if (!(thrown instanceof NatsError)) return toError(thrown);
  return new EventLogError(MEANINGS[thrown.code].code, thrown.message, { cause: thrown.cause });
}

export function isForbidden(error: EventLogError): boolean {
  return missingPermission(error.cause) !== undefined;
}

function textOf(error: NatsError): string {
  if (error.code !== "NATS_NO_RESPONDERS") return error.message;
  return `nobody takes the request: ${NO_STREAM} (${toError(error.cause).message})`;
}
