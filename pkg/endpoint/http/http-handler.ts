// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../../base/mod.ts";
import { answeredHttp } from "../answered-request.ts";
import type { AnswerListener } from "../answered-request.ts";
import type { CrossOrigin } from "./cors.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpAnswer, HttpHandler, HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError, overloaded } from "./http-error.ts";
import { networkProbe } from "./network-probe.ts";
import type { Transcoder } from "./transcoder.ts";
import { writeAnswer } from "./write-answer.ts";

export interface HttpHandlerOptions {
  /** The transcoder of the current specification. Throws the caller's error if nothing is served. */
  readonly transcoder: () => Transcoder;
  readonly crossOrigin: CrossOrigin | undefined;
  /** Answers `GET /`, where no rule of the user function does. Undefined: it is a path like any other. */
  readonly front: FrontPage | undefined;
  /** Called for every answered request; undefined costs nothing. */
  readonly onAnswered: AnswerListener | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Makes the answer to `GET /` and `HEAD /`. */
export type FrontPage = (request: Pick<HttpRequest, "headers">) => HttpResponse;

/**
 * Answers requests, and turns each failure into the answer of its request (I12). A request for which there is no
 * place or no memory gets `ENDPOINT_OVERLOADED`, unless it is a network probe (I11).
 */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { transcoder, crossOrigin, front, onAnswered, clock, logger } = options;

  const answer = async (request: HttpRequest): Promise<HttpAnswer> => {
    try {
      if (request.request.refusal !== undefined) return networkProbe(request) ?? throwOverloaded();
      refuseCrossSite(request, crossOrigin);
      return crossOrigin?.preflight(request) ?? (await transcoder()(request));
    } catch (error) {
      if (front !== undefined && asksForFront(request, error)) return front(request);
      return errorResponse(error, request.headers.accept, logger);
    }
  };

  return async (exchange) => {
    const sinceMs = onAnswered === undefined ? 0 : clock.monotonicMs();
    const answered = answer(exchange);
    exchange.request.during(answered);
    const given = await answered;
    await writeAnswer(exchange, given, logger);
    onAnswered?.(answeredHttp(exchange, given, clock.monotonicMs() - sinceMs));
  };
}

/**
 * Whether the front page answers the request. A rule of the user function for `/` goes first, even if it is for
 * another HTTP method.
 */
function asksForFront({ method, target }: HttpRequest, error: unknown): boolean {
  if (!(error instanceof HttpError) || error.code !== "UNKNOWN_PATH") return false;
  return (method === "GET" || method === "HEAD") && (target === "/" || target.startsWith("/?"));
}

function throwOverloaded(): never {
  throw overloaded();
}
