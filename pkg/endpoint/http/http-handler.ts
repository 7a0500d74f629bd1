// SPDX-License-Identifier: Apache-2.0

import type { Logger } from "../../base/mod.ts";
import type { CrossOrigin } from "./cors.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpAnswer, HttpHandler, HttpRequest } from "./exchange.ts";
import { overloaded } from "./http-error.ts";
import { networkProbe } from "./network-probe.ts";
import type { Transcoder } from "./transcoder.ts";
import { writeAnswer } from "./write-answer.ts";

export interface HttpHandlerOptions {
  /** What serves at this moment. Throws what the caller shall get if nothing does. */
  readonly transcoder: () => Transcoder;
  readonly crossOrigin: CrossOrigin | undefined;
  readonly logger: Logger;
}

/**
 * Answers requests, and turns what goes wrong with one into its answer (I12). A request that was refused for want of a
 * place or of memory is answered so, unless it is a probe (I11).
 */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { transcoder, crossOrigin, logger } = options;

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    try {
      if (request.request.refusal !== undefined) return networkProbe(request) ?? throwOverloaded();
      refuseCrossSite(request, crossOrigin);
      return crossOrigin?.preflight(request) ?? (await transcoder()(request));
    } catch (error) {
      return errorResponse(error, request.headers.accept, logger);
    }
  };

  return async (exchange) => {
    const answered = answer(exchange);
    exchange.request.during(answered);
    await writeAnswer(exchange, await answered, logger);
  };
}

function throwOverloaded(): never {
  throw overloaded();
}
