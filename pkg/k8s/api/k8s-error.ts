// SPDX-License-Identifier: Apache-2.0

import { CodedError } from "../../base/mod.ts";

export type K8sErrorCode =
  | "API_BAD_ANSWER"
  | "API_CONFLICT"
  | "API_FAILED"
  | "API_FORBIDDEN"
  | "API_GONE"
  | "API_NOT_FOUND"
  | "API_UNREACHABLE"
  | "NOT_IN_CLUSTER"
  | "WEBHOOK_PORT_UNUSABLE";

/** A request to the API server failed or could not be made, or the webhook's port cannot be opened. */
export class K8sError extends CodedError<K8sErrorCode> {}

const CODES: Readonly<Record<number, K8sErrorCode>> = {
  401: "API_FORBIDDEN",
  403: "API_FORBIDDEN",
  404: "API_NOT_FOUND",
  409: "API_CONFLICT",
  410: "API_GONE",
};

/** The error for an HTTP status of the API server. `text` is the server's own message; empty if it sent none. */
export function statusError(status: number, what: string, text: string): K8sError {
  return new K8sError(CODES[status] ?? "API_FAILED", `${what}: ${status} ${text}`.trim());
}
