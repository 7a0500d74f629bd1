// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../../base/mod.ts";
import type { CrossOrigin } from "./cors.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpAnswer, HttpHandler, HttpRequest } from "./exchange.ts";
import { HttpError } from "./http-error.ts";
import type { Transcoder } from "./transcoder.ts";
import { writeAnswer } from "./write-answer.ts";

export interface HttpHandlerOptions {
  /** What serves at this moment. Throws what the caller shall get if nothing does. */
  readonly transcoder: () => Transcoder;
  /** Requests that may be open at a time (I11). */
  readonly maxOpenRequests: number;
  readonly crossOrigin: CrossOrigin | undefined;
  readonly logger: Logger;
}

/** Bounds the requests, and turns what goes wrong with one into its answer (I12). */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { transcoder, maxOpenRequests, crossOrigin, logger } = options;
  let open = 0;

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    try {
      if (open > maxOpenRequests)
        throw new HttpError("ENDPOINT_OVERLOADED", "too many requests are under way; try again");
      refuseCrossSite(request, crossOrigin);
      return crossOrigin?.preflight(request) ?? (await transcoder()(request));
    } catch (error) {
      return errorResponse(error, logger);
    }
  };

  return async (exchange) => {
    open++;
    try {
      await writeAnswer(exchange, await answer(exchange), logger);
    } finally {
      open--;
    }
  };
}
