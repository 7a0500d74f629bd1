// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../base/mod.ts";

export type NatsCode =
  /** No server answers, or none has the time to check who we are. One may later. Nothing was sent. */
  | "NATS_UNREACHABLE"
  /** The server refuses the credentials. */
  | "NATS_UNAUTHORIZED"
  /** The server has no TLS, or no TLS connection comes about with the certificates at hand. */
  | "NATS_BAD_TLS"
  /** A file with credentials or certificates cannot be read, or holds something else. */
  | "NATS_BAD_FILE"
  /** The address makes no sense. */
  | "NATS_BAD_ADDRESS"
  /** The server is too old, or its JetStream is off. */
  | "NATS_UNFIT_SERVER"
  /** The connection is lost and not back yet. The request was not sent. */
  | "NATS_NOT_CONNECTED"
  /** The client rejected the request, for example because the connection is closed. It was not sent. */
  | "NATS_NOT_SENT"
  /** The user may not publish to the request's subject. The request reached nobody. */
  | "NATS_MAY_NOT_PUBLISH"
  /** The user may not subscribe, so no answer can arrive. The request may have been carried out. */
  | "NATS_MAY_NOT_SUBSCRIBE"
  /** Nobody subscribes to the request's subject. The request reached nobody. */
  | "NATS_NO_RESPONDERS"
  /** No answer came in time, or the connection was lost first. The request may have been carried out. */
  | "NATS_NO_ANSWER"
  /** Any other error. The request may have been carried out. */
  | "NATS_FAILED";

/** The error with which everything in `pkg/nats` rejects. Its text names a remedy where there is one. */
export class NatsError extends CodedError<NatsCode> {}
