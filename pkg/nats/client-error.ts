// SPDX-License-Identifier: Apache-2.0

/** The only file that translates errors of NATS's client (`@nats-io/transport-node`) into `NatsError`. */

import {
  AuthorizationError,
  ConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";

import { toError } from "../base/mod.ts";

import type { NatsCode } from "./nats-error.ts";
import { NatsError } from "./nats-error.ts";

export interface MissingPermission {
  readonly operation: "publish" | "subscribe";
  readonly subject: string;
}

/** Translates an error of a connection that is there. A `NatsError` stays as it is. */
export function natsErrorOf(thrown: unknown): NatsError {
  if (thrown instanceof NatsError) return thrown;
  const cause = toError(thrown);
  // The client wraps some errors into a `RequestError`.
  const reason = refusalOf(cause) ?? refusalOf(cause.cause);
  if (reason !== undefined) return new NatsError(reason.code, `${reason.text} (${cause.message})`, { cause });
  const isNoAnswer = NO_ANSWER.some((kind) => cause instanceof kind);
  return new NatsError(isNoAnswer ? "NATS_NO_ANSWER" : "NATS_FAILED", cause.message, { cause });
}

/** Translates a failure to connect. A `NatsError` stays as it is. */
export function connectError(thrown: unknown, server: string): NatsError {
  if (thrown instanceof NatsError) return thrown;
  const cause = toError(thrown);
  const silent = cause instanceof TimeoutError ? SILENT : NOBODY;
  const reason = refusalOf(cause) ?? refusalOf(cause.cause) ?? tlsReason(cause) ?? silent;
  return new NatsError(reason.code, `${server}: ${reason.text} (${cause.message})`, { cause });
}

export function notSentError(thrown: unknown): NatsError {
  const cause = toError(thrown);
  return new NatsError("NATS_NOT_SENT", cause.message, { cause });
}

/** Why the server refuses the connection; empty for an error of another kind. */
export function refusalText(error: Error): string {
  const reason = error instanceof PermissionViolationError ? undefined : refusalOf(error);
  return reason === undefined ? "" : `${reason.text} (${error.message})`;
}

/** The permission that is missing according to the error; undefined for an error of another kind. */
export function missingPermission(error: unknown): MissingPermission | undefined {
  if (!(error instanceof PermissionViolationError)) return undefined;
  return { operation: error.operation === "publish" ? "publish" : "subscribe", subject: error.subject };
}

interface Reason {
  readonly code: NatsCode;
  readonly text: string;
}

const NO_ANSWER = [TimeoutError, RequestError, ConnectionError];

const NOBODY: Reason = {
  code: "NATS_UNREACHABLE",
  text: "no NATS server answers there: start one (nats-server -js, or npm run nats in a clone of Perdure)",
};
/** With TLS 1.3 the server checks the client's certificate after the client takes the connection for established. */
const SILENT: Reason = {
  code: "NATS_UNREACHABLE",
  text: "a server takes the connection and then stays silent; so does one that verifies clients and misses our certificate",
};
const STRANGER: Reason = {
  code: "NATS_UNAUTHORIZED",
  text: "the server refuses the credentials: check user, password, token or the file they are in",
};
/** The server allows two seconds to check a client, and a password with bcrypt may take longer on a busy machine. */
const BUSY: Reason = {
  code: "NATS_UNREACHABLE",
  text: "the server is too busy to check who we are: raise timeout in its authorization block",
};
const NO_TLS: Reason = { code: "NATS_BAD_TLS", text: "TLS is asked for, and the server has none" };
const BAD_TLS: Reason = {
  code: "NATS_BAD_TLS",
  text: "no TLS connection comes about: check the CA, the certificate and its key, and the names in the server's",
};
const UNHEARD: Reason = { code: "NATS_NO_RESPONDERS", text: "nobody takes the request" };

/** Why the server did not accept us or the request; undefined if it may have. */
function refusalOf(error: unknown): Reason | undefined {
  const missing = missingPermission(error);
  if (missing !== undefined) {
    const { operation, subject } = missing;
    const text = `the server does not permit it: allow this user to ${operation} to ${JSON.stringify(subject)}`;
    return { code: operation === "publish" ? "NATS_MAY_NOT_PUBLISH" : "NATS_MAY_NOT_SUBSCRIBE", text };
  }
  if (error instanceof AuthorizationError && /timeout/i.test(error.message)) return BUSY;
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) return STRANGER;
  return error instanceof NoRespondersError ? UNHEARD : undefined;
}

/** Why the TLS connection failed. Node.js has a code for each reason, the client one text. */
function tlsReason(error: Error): Reason | undefined {
  if (error.cause instanceof NatsError) return { code: error.cause.code, text: "TLS cannot be set up" };
  if (/does not support 'tls'/.test(error.message)) return NO_TLS;
  const codes = [error, error.cause].map((each) => (each as NodeJS.ErrnoException | undefined)?.code ?? "");
  return codes.some((code) => /CERT|SIGNATURE|SSL|TLS|EPROTO/.test(code)) ? BAD_TLS : undefined;
}
