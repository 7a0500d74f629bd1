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

/** The error for an HTTP status of the API server. `text` is the server's own message; empty if it sent none. */
export function statusError(status: number, what: string, text: string): K8sError {
  return new K8sError(codeOf(status), `${what}: ${status} ${text}`.trim());
}

function codeOf(status: number): K8sErrorCode {
  switch (status) {
    case 401:
    case 403:
      return "API_FORBIDDEN";
    case 404:
      return "API_NOT_FOUND";
    case 409:
      return "API_CONFLICT";
    case 410:
      return "API_GONE";
    default:
      return "API_FAILED";
  }
}
