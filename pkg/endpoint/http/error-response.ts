// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../../base/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import type { HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";
import { httpStatus } from "./http-status.ts";

export const TEXT_TYPE = "text/plain; charset=utf-8";

/** What of a failure its caller may see. */
interface Shown {
  readonly grpcStatus: Status;
  readonly httpStatus: number;
  readonly code: string;
  readonly text: string;
  readonly headers?: readonly string[];
}

/** The answer to a request that failed: the text as it is (Cloudstate's TCK compares it), the reason's code beside it. */
export function errorResponse(thrown: unknown, logger: Logger): HttpResponse {
  const shown = show(thrown, logger);
  return {
    status: shown.httpStatus,
    contentType: TEXT_TYPE,
    errorCode: isCode(shown.code) ? shown.code : undefined,
    ...(shown.headers !== undefined && { headers: shown.headers }),
    body: shown.text,
  };
}

/** A failure as the protobuf JSON of `google.rpc.Status`, the reason's code in a `google.rpc.ErrorInfo`. */
export function errorStatus(thrown: unknown, logger: Logger): object {
  const shown = show(thrown, logger);
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: shown.code,
    domain: "perdure.dev",
  };
  return { code: shown.grpcStatus, message: shown.text, details: [info] };
}

function show(thrown: unknown, logger: Logger): Shown {
  if (thrown instanceof StatusError) {
    const { status, code, message } = thrown;
    return { grpcStatus: status, httpStatus: httpStatus(status), code, text: message };
  }
  if (thrown instanceof HttpError) {
    const { status, code, message, headers } = thrown;
    const refusal = { grpcStatus: grpcStatusOf(status), httpStatus: status, code, text: message };
    return headers.length === 0 ? refusal : { ...refusal, headers };
  }
  logger.error("request failed in an unforeseen way", { error: thrown });
  return { grpcStatus: Status.INTERNAL, httpStatus: 500, code: "INTERNAL", text: "internal error" };
}

/** Where there is no HTTP status, as in the middle of a stream. */
export function grpcStatusOf(status: number): Status {
  return status >= 500 ? Status.INTERNAL : Status.INVALID_ARGUMENT;
}

/** The code of a status may come from a peer; what is no code must not become a header. */
function isCode(text: string): boolean {
  return /^[\w.-]{1,64}$/.test(text);
}
