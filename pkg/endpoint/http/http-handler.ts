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
  /** What serves at this moment. Throws what the caller shall get if nothing does. */
  readonly transcoder: () => Transcoder;
  readonly crossOrigin: CrossOrigin | undefined;
  /** Answers `GET /`, where no rule of the user function does. Undefined: it is a path like any other. */
  readonly front: FrontPage | undefined;
  /** Undefined costs nothing. */
  readonly onAnswered: AnswerListener | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is shown to those who ask for nothing in particular. */
export type FrontPage = (request: Pick<HttpRequest, "headers">) => HttpResponse;

/**
 * Answers requests, and turns what goes wrong with one into its answer (I12). A request that was refused for want of a
 * place or of memory is answered so, unless it is a probe (I11).
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

/** A rule of the user function goes before, were it for another method. */
function asksForFront({ method, target }: HttpRequest, error: unknown): boolean {
  if (!(error instanceof HttpError) || error.code !== "UNKNOWN_PATH") return false;
  return (method === "GET" || method === "HEAD") && (target === "/" || target.startsWith("/?"));
}

function throwOverloaded(): never {
  throw overloaded();
}
