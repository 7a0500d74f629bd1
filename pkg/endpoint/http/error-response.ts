// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../../base/mod.ts";
import { StatusError } from "../../grpc/mod.ts";
import type { HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";
import { httpStatus } from "./http-status.ts";

export const TEXT_TYPE = "text/plain; charset=utf-8";

/** The answer to a request that failed: the text as it is (Cloudstate's TCK compares it), the reason's code beside it. */
export function errorResponse(thrown: unknown, logger: Logger): HttpResponse {
  if (thrown instanceof StatusError)
    return textResponse(httpStatus(thrown.status), thrown.code, thrown.message);
  if (thrown instanceof HttpError) return textResponse(thrown.status, thrown.code, thrown.message);
  logger.error("request failed in an unforeseen way", { error: thrown });
  return textResponse(500, "INTERNAL", "internal error");
}

function textResponse(status: number, errorCode: string, text: string): HttpResponse {
  return { status, contentType: TEXT_TYPE, errorCode: headerValue(errorCode), body: text };
}

/** The code of a status may come from a peer; what is no code must not become a header. */
function headerValue(errorCode: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(errorCode) ? errorCode : undefined;
}
