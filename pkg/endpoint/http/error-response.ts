// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../../base/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";

import { ERROR_DOMAIN } from "../status-details.ts";
import { acceptedForm } from "./accepted-form.ts";
import type { HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";
import { HTTP_STATUS } from "./http-status.ts";

export const TEXT_TYPE = "text/plain; charset=utf-8";

const JSON_TYPE = "application/json";

/** The parts of a failure that its caller may see. */
interface Shown {
  readonly grpcStatus: Status;
  readonly httpStatus: number;
  /** Undefined if a peer gave a text that is not a code. */
  readonly code: string | undefined;
  readonly text: string;
  readonly headers?: readonly string[];
}

/**
 * The answer to a request that failed, in the form that its caller prefers (`accept`): a status as JSON, or the plain
 * text (Cloudstate's TCK compares it). The error code is a header in both cases.
 */
export function errorResponse(thrown: unknown, accept: string | undefined, logger: Logger): HttpResponse {
  const shown = show(thrown, logger);
  const isText = acceptedForm(accept) === "text";
  return {
    status: shown.httpStatus,
    contentType: isText ? TEXT_TYPE : JSON_TYPE,
    errorCode: shown.code,
    headers: shown.headers === undefined ? VARY : [...VARY, ...shown.headers],
    body: isText ? shown.text : JSON.stringify(statusOf(shown)),
  };
}

/** A cache must not give one caller's form to another one. */
const VARY: readonly string[] = ["vary", "accept"];

/** A failure as the protobuf JSON of `google.rpc.Status`, the reason's code in a `google.rpc.ErrorInfo`. */
export function errorStatus(thrown: unknown, logger: Logger): object {
  return statusOf(show(thrown, logger));
}

function statusOf({ grpcStatus, code, text }: Shown): object {
  const reason = code ?? "UNKNOWN";
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: ERROR_DOMAIN };
  return { code: grpcStatus, message: text, details: [info] };
}

function show(thrown: unknown, logger: Logger): Shown {
  if (thrown instanceof StatusError) {
    const { status, code, message }: StatusError = thrown;
    const ownCode = isCode(code) ? code : undefined;
    return { grpcStatus: status, httpStatus: HTTP_STATUS[status], code: ownCode, text: message };
  }
  if (thrown instanceof HttpError) {
    const { status, code, message, headers } = thrown;
    const refusal = { grpcStatus: grpcStatusOf(status), httpStatus: status, code, text: message };
    return headers.length === 0 ? refusal : { ...refusal, headers };
  }
  logger.error("request failed in an unforeseen way", { code: "INTERNAL", error: thrown });
  return { grpcStatus: Status.INTERNAL, httpStatus: 500, code: "INTERNAL", text: "internal error" };
}

/** The gRPC status that corresponds to the HTTP status of a refusal. */
export function grpcStatusOf(status: number): Status {
  return GRPC_STATUS[status] ?? (status >= 500 ? Status.INTERNAL : Status.INVALID_ARGUMENT);
}

const GRPC_STATUS: Readonly<Record<number, Status>> = {
  403: Status.PERMISSION_DENIED,
  404: Status.NOT_FOUND,
  405: Status.UNIMPLEMENTED,
  408: Status.DEADLINE_EXCEEDED,
  501: Status.UNIMPLEMENTED,
  503: Status.UNAVAILABLE,
};

/** Whether a text has the form of a code. A peer may give any text, which must not become a header. */
function isCode(text: string): boolean {
  return /^[\w.-]{1,64}$/.test(text);
}
