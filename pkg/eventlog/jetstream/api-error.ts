// SPDX-License-Identifier: Apache-2.0

/** The only file that knows the errors that JetStream answers with, and what they mean for the log. */

import type { ApiError } from "@nats-io/jetstream";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";

/** Whether a request reads or writes. After a failed write only a read shows whether it is stored (I5). */
export type Effect = "read" | "write";

export type ApiFailure = Pick<ApiError, "code"> & Partial<ApiError>;

export function apiError(failure: ApiFailure, doing: string, effect: Effect, cause?: unknown): EventLogError {
  const { err_code: errCode = 0, code, description = "" } = failure;
  // 10077 is any failure of the store. Only a failure because of a limit is known to store nothing.
  const isLimit = errCode === STORE_FAILED && /maximum/.test(description);
  const reason = isLimit ? FULL : API_REASONS[errCode];
  if (reason !== undefined) {
    return new EventLogError(reason.code, `${doing}: ${reason.text} (${description})`, { cause });
  }
  // A code from 400 to 499 blames the request, so the server did not carry it out.
  const mayBeDone = effect === "write" && !(code >= 400 && code < 500);
  const unknown = mayBeDone ? "OUTCOME_UNKNOWN" : "LOG_UNAVAILABLE";
  return new EventLogError(unknown, `${doing}: ${description} (${errCode})`, { cause });
}

/** Why no stream answers. A server that cannot write to its folder switches JetStream off by itself. */
export const NO_STREAM =
  "JetStream is off, the stream is gone, or it has no leader now; the server's log tells";

export interface PublishFailure {
  /**
   * - `contested`: another message is in the place of this one, perhaps that of an earlier try.
   * - `busy`: this try stored nothing; one a little later may.
   * - `refused`: this try stored nothing, and no other will until an operator or the caller changes something.
   * - `unanswered`: this try may have stored it, or may do so yet.
   */
  readonly kind: "contested" | "busy" | "refused" | "unanswered";
  readonly error: EventLogError;
}

export function publishFailure(failure: ApiFailure, doing: string): PublishFailure {
  const error = apiError(failure, doing, "write");
  const { err_code: errCode = 0 } = failure;
  if (errCode === WRONG_LAST_SEQUENCE) return { kind: "contested", error };
  if (error.code === "OUTCOME_UNKNOWN") return { kind: "unanswered", error };
  return { kind: BUSY_CODES.includes(errCode) ? "busy" : "refused", error };
}

export function isApiError(thrown: unknown, code: number): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === code;
}

/** True if no server took a request for messages: the consumer is gone, or not known everywhere yet. */
export function isUnheard(thrown: unknown): boolean {
  return thrown instanceof JetStreamError && "code" in thrown && thrown.code === NO_RESPONDERS;
}

/** True if a status tells of a subject without messages; "Message Not Found" tells of one that cannot be read. */
export function saysNoResults(description: string): boolean {
  return description === "No Results";
}

/** True if the description of a status says that a consumer's next message is larger than was asked for. */
export function saysTooLarge(description: string): boolean {
  return /exceeds maxbytes/i.test(description);
}

const NO_RESPONDERS = 503;
/** In the server's words: no suitable peers. */
export const NO_SUITABLE_SERVERS = 10005;
export const STREAM_NAME_IN_USE = 10058;
export const STREAM_NOT_FOUND = 10059;
const WRONG_LAST_SEQUENCE = 10071;
const STORE_FAILED = 10077;
/** No leader (10008, 10009), another append of the subject is under way (10164), more than is taken in (10167). */
const BUSY_CODES = [10008, 10009, 10164, 10167];

interface Reason {
  readonly code: EventLogCode;
  readonly text: string;
}

const FULL: Reason = {
  code: "LOG_FULL",
  text: "the stream is full: raise its max_bytes, or the server's max_file_store",
};
const CONFLICT: Reason = { code: "APPEND_CONFLICT", text: "the position is not that of the last record" };
const NO_LEADER: Reason = { code: "LOG_UNAVAILABLE", text: "the cluster has no leader for the stream now" };
const DISABLED: Reason = {
  code: "LOG_UNAVAILABLE",
  text: "JetStream is off: start the server with -js and enable it for the account",
};

/** By `err_code` of the server (its errors.json). In each of these cases nothing was stored. */
const API_REASONS: Readonly<Record<number, Reason>> = {
  /* account resources exceeded */ 10002: FULL,
  [NO_SUITABLE_SERVERS]: {
    code: "LOG_UNAVAILABLE",
    text: "there are not as many servers now as copies are asked for",
  },
  /* cluster not available */ 10008: NO_LEADER,
  /* cluster has no leader */ 10009: NO_LEADER,
  /* insufficient resources */ 10023: FULL,
  /* memory resources exceeded */ 10028: FULL,
  /* not enabled for account */ 10039: DISABLED,
  /* storage resources exceeded */ 10047: FULL,
  /* message larger than the stream takes */ 10054: {
    code: "RECORD_TOO_LARGE",
    text: "more than the stream takes: raise its max_msg_size",
  },
  [STREAM_NOT_FOUND]: {
    code: "LOG_UNAVAILABLE",
    text: "the stream is gone: restore it, or open the log anew",
  },
  [WRONG_LAST_SEQUENCE]: CONFLICT,
  /* copies without a cluster */ 10074: {
    code: "LOG_UNUSABLE",
    text: "a server without a cluster keeps one copy only: ask for one, or connect to a cluster",
  },
  /* JetStream not enabled */ 10076: DISABLED,
  /* stream sealed */ 10109: {
    code: "LOG_UNAVAILABLE",
    text: "the stream is sealed: nothing can be added to it",
  },
  /* wrong last sequence, without a number */ 10164: {
    code: "LOG_UNAVAILABLE",
    text: "another append of the entity is under way",
  },
  /* rate limit */ 10167: { code: "LOG_OVERLOADED", text: "the server has more to store than it takes in" },
};
