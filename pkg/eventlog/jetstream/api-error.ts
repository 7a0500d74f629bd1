// SPDX-License-Identifier: Apache-2.0

import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import {
  AuthorizationError,
  NoRespondersError,
  PermissionViolationError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";

import { toError } from "../../base/mod.ts";

import type { EventLogCode } from "../event-log.ts";
import { EventLogError } from "../event-log.ts";

/** Whether a request reads or writes. After a failed write only a read shows whether it is stored (I5). */
export type Effect = "read" | "write";

/** An error as JetStream's answers carry it. */
export interface ApiFailure {
  readonly code: number;
  readonly errCode: number;
  readonly description: string;
}

/** The only place that translates errors of NATS into errors of the log. The text names a remedy where there is one. */
export function translateError(thrown: unknown, doing: string, effect: Effect): EventLogError {
  if (thrown instanceof EventLogError) return thrown;
  const cause = toError(thrown);
  const failure = apiFailureOf(cause);
  if (failure !== undefined) return fromApi(failure, doing, effect, cause);
  const reason = refusedReason(cause) ?? refusedReason(cause.cause);
  if (reason !== undefined) {
    return new EventLogError(reason.code, `${doing}: ${reason.text} (${cause.message})`, { cause });
  }
  return unanswered(doing, effect, cause.message, cause);
}

/** Why the server refuses the connection; empty for an error of another kind. */
export function refusalText(error: Error): string {
  const reason = error instanceof PermissionViolationError ? undefined : refusedReason(error);
  return reason === undefined ? "" : `${reason.text} (${error.message})`;
}

/** Translates a failure to connect. No request was sent yet. */
export function translateConnectError(thrown: unknown, server: string): EventLogError {
  const cause = toError(thrown);
  if (cause instanceof EventLogError) return cause;
  const silent = cause instanceof TimeoutError ? SILENT : NOBODY;
  const reason = refusedReason(cause) ?? refusedReason(cause.cause) ?? tlsReason(cause) ?? silent;
  return new EventLogError(reason.code, `${server}: ${reason.text} (${cause.message})`, { cause });
}

/** The error of a request without an answer, for whatever reason. */
export function unanswered(doing: string, effect: Effect, reason: string, cause?: unknown): EventLogError {
  const code = effect === "write" ? "OUTCOME_UNKNOWN" : "LOG_UNAVAILABLE";
  return new EventLogError(code, `${doing}: ${reason}`, { cause });
}

/** Translates an error that JetStream answered with. */
export function fromApi(failure: ApiFailure, doing: string, effect: Effect, cause?: unknown): EventLogError {
  const { errCode, code, description } = failure;
  const known = API_REASONS[errCode];
  // 10077 is any failure of the store. Only a failure because of a limit is known to store nothing.
  const isLimit = errCode === STORE_FAILED && /maximum/.test(description);
  const reason = isLimit ? FULL : known;
  if (reason !== undefined) {
    return new EventLogError(reason.code, `${doing}: ${reason.text} (${description})`, { cause });
  }
  // A code from 400 to 499 blames the request, so the server did not carry it out.
  if (code >= 400 && code < 500) {
    return new EventLogError("LOG_UNAVAILABLE", `${doing}: ${description} (${errCode})`, { cause });
  }
  return unanswered(doing, effect, `${description} (${errCode})`, cause);
}

/** Why no stream answers. A server that cannot write to its folder switches JetStream off by itself. */
export const NO_STREAM =
  "JetStream is off, the stream is gone, or it has no leader now; the server's log tells";

/** Why a publish is not known to be stored. */
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

/** Translates an error that JetStream answered a publish with. */
export function publishFailure(failure: ApiFailure, doing: string): PublishFailure {
  const error = fromApi(failure, doing, "write");
  return { kind: publishFailureKind(failure, error), error };
}

function publishFailureKind({ errCode }: ApiFailure, error: EventLogError): PublishFailure["kind"] {
  if (errCode === WRONG_LAST_SEQUENCE) return "contested";
  if (error.code === "OUTCOME_UNKNOWN") return "unanswered";
  return BUSY_CODES.includes(errCode) ? "busy" : "refused";
}

/** True if this user lacks the permission. */
export function isForbidden(error: EventLogError): boolean {
  return error.cause instanceof PermissionViolationError;
}

/** True if the error of JetStream's client says that the stream is not there. */
export function isStreamAbsent(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === STREAM_NOT_FOUND;
}

/** True if another one made a stream of that name first. */
export function isStreamNameTaken(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && thrown.code === STREAM_NAME_IN_USE;
}

/**
 * True if no server took a request for a consumer's messages, because the consumer is gone or not known everywhere
 * yet.
 */
export function isUnheard(thrown: unknown): boolean {
  return thrown instanceof JetStreamError && "code" in thrown && thrown.code === NO_RESPONDERS;
}

const NO_RESPONDERS = 503;
const STREAM_NAME_IN_USE = 10058;
const STREAM_NOT_FOUND = 10059;
const WRONG_LAST_SEQUENCE = 10071;
const STORE_FAILED = 10077;
/**
 * No leader (10008 and 10009), another append of the subject is under way (10164), more than the server takes in
 * (10167).
 */
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
const NOBODY: Reason = {
  code: "LOG_UNAVAILABLE",
  text: "no NATS server answers there: start one (nats-server -js, or npm run nats in a clone of Perdure)",
};
/** With TLS 1.3 the server checks the client's certificate after the client takes the connection for established. */
const SILENT: Reason = {
  code: "LOG_UNAVAILABLE",
  text: "a server takes the connection and then stays silent; so does one that verifies clients and misses our certificate",
};
const STRANGER: Reason = {
  code: "LOG_UNUSABLE",
  text: "the server refuses the credentials: check user, password, token or the file they are in",
};
/** The server allows two seconds to check a client, and a password with bcrypt may take longer on a busy machine. */
const BUSY: Reason = {
  code: "LOG_UNAVAILABLE",
  text: "the server is too busy to check who we are: raise timeout in its authorization block",
};
const NO_TLS: Reason = { code: "LOG_UNUSABLE", text: "TLS is asked for, and the server has none" };
const BAD_TLS: Reason = {
  code: "LOG_UNUSABLE",
  text: "no TLS connection comes about: check the CA, the certificate and its key, and the names in the server's",
};
const UNHEARD: Reason = {
  code: "LOG_UNAVAILABLE",
  text: `nobody takes the request: ${NO_STREAM}`,
};
const DISABLED: Reason = {
  code: "LOG_UNAVAILABLE",
  text: "JetStream is off: start the server with -js and enable it for the account",
};

/** By `err_code` of the server (its errors.json). In each of these cases nothing was stored. */
const API_REASONS: Readonly<Record<number, Reason>> = {
  /* account resources exceeded */ 10002: FULL,
  /* no suitable peers */ 10005: {
    code: "LOG_UNAVAILABLE",
    text:
      "there are not as many servers now as copies are asked for, or, for strict durability, not as many with " +
      'server_tags: ["sync:always"] beside sync_interval: always',
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

function apiFailureOf(error: Error): ApiFailure | undefined {
  if (!(error instanceof JetStreamApiError)) return undefined;
  const { code, err_code: errCode, description } = error.apiError();
  return { code, errCode, description };
}

/** Why the server did not accept the request. `undefined` if it may have. */
function refusedReason(error: unknown): Reason | undefined {
  if (error instanceof PermissionViolationError) {
    const verb = error.operation === "publish" ? "publish to" : "subscribe to";
    const text = `the server does not permit it: allow this user to ${verb} ${JSON.stringify(error.subject)}`;
    return { code: "LOG_UNUSABLE", text };
  }
  if (error instanceof AuthorizationError && /timeout/i.test(error.message)) return BUSY;
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) return STRANGER;
  return error instanceof NoRespondersError ? UNHEARD : undefined;
}

/** Why the TLS connection failed. Node.js has a code for each reason, the client one text. */
function tlsReason(error: Error): Reason | undefined {
  if (error.cause instanceof EventLogError) return { code: error.cause.code, text: "TLS cannot be set up" };
  if (/does not support 'tls'/.test(error.message)) return NO_TLS;
  const codes = [error, error.cause].map((each) => (each as NodeJS.ErrnoException | undefined)?.code ?? "");
  return codes.some((code) => /CERT|SIGNATURE|SSL|TLS|EPROTO/.test(code)) ? BAD_TLS : undefined;
}
