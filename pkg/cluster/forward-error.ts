// SPDX-License-Identifier: Apache-2.0

import type { StatusError } from "../grpc/mod.ts";
import { errorFactory, Status } from "../grpc/mod.ts";

/** Why another proxy did not answer. This file loads no code of the cluster, so that a proxy that is alone may ask. */
export type ForwardErrorCode =
  /** The request did not reach the proxy, or not whole. Nothing was done: `isUndelivered`. */
  | "PEER_UNREACHABLE"
  /** As much as may be is under way to that proxy. Nothing was done. */
  | "PEER_BUSY"
  /** The proxy, or the connection to it, was lost before the answer came. The request may have been carried out. */
  | "PEER_LOST"
  /** The request or the answer is larger than may be sent between proxies. */
  | "MESSAGE_TOO_LARGE"
  /** The caller's time is over. The request may have been carried out, or may still be. */
  | "DEADLINE_EXCEEDED"
  /** The caller went away. The request may have been carried out. */
  | "CANCELLED";

export const forwardError = errorFactory<ForwardErrorCode>();

/** Those that `undelivered` made. A code would not do: another proxy may have sent an error with the same one. */
const undeliveredErrors = new WeakSet<StatusError>();

/** The error for a request that has certainly not been carried out, because it has not arrived. */
export function undelivered(text: string, cause?: unknown): StatusError<ForwardErrorCode> {
  const error = forwardError(Status.UNAVAILABLE, "PEER_UNREACHABLE", text, cause);
  undeliveredErrors.add(error);
  return error;
}

/**
 * Whether a request to another proxy failed before that proxy had it, so that sending it again, there or to another
 * one, cannot carry it out twice. False for every error that a proxy answered with, whatever its code.
 */
export function isUndelivered(thrown: unknown): boolean {
  return undeliveredErrors.has(thrown as StatusError);
}
