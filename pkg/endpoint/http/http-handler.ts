// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { AnswerListener } from "../answered-request.ts";
import { answeredHttp } from "../answered-request.ts";
import type { RequestMeter } from "../request-meter.ts";
import type { CrossOrigin } from "./cors.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { errorResponse } from "./error-response.ts";
import type { HttpAnswer, HttpHandler, HttpRequest, HttpResponse } from "./exchange.ts";
import { overloaded } from "./http-error.ts";
import type { HttpService } from "./http-service.ts";
import { networkProbe } from "./network-probe.ts";
import { writeAnswer } from "./write-answer.ts";

export interface HttpHandlerOptions {
  /** Asked in order; the last one answers every request or throws. */
  readonly services: readonly HttpService[];
  readonly crossOrigin: CrossOrigin | undefined;
  /** Called for every answered request; undefined costs nothing. */
  readonly onAnswered: AnswerListener | undefined;
  readonly measure: RequestMeter;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Makes the answer to `GET /` and `HEAD /`. */
export type FrontPage = (request: Pick<HttpRequest, "headers">) => HttpResponse;

/**
 * Answers requests, and turns each failure into the answer of its request (I12). A request for which there is no
 * place or no memory gets `ENDPOINT_OVERLOADED`, unless it is a network probe (I11).
 */
export function createHttpHandler(options: HttpHandlerOptions): HttpHandler {
  const { services, crossOrigin, onAnswered, measure, clock } = options;
  const { logger } = options.telemetry;

  const answer = (request: HttpRequest): HttpAnswer | Promise<HttpAnswer> => {
    if (request.request.refusal !== undefined) {
      const probed = networkProbe(request);
      if (probed === undefined) throw overloaded();
      return probed;
    }
    refuseCrossSite(request, crossOrigin);
    for (const service of services) {
      const given = service(request);
      if (given !== undefined) return given;
    }
    throw new Error("the last service answers every request");
  };

  return async (exchange) => {
    const sinceMs = clock.monotonicMs();
    const { request, headers } = exchange;
    let given: HttpAnswer;
    request.workBegins();
    try {
      given = await answer(exchange);
    } catch (error) {
      given = errorResponse(error, headers.accept, logger);
    } finally {
      request.workEnded();
    }
    const writing = writeAnswer(exchange, given, logger);
    if (writing !== undefined) await writing;
    const tookMs = clock.monotonicMs() - sinceMs;
    measure("http", given.status, tookMs, request.span);
    onAnswered?.(answeredHttp(exchange, given, tookMs));
  };
}

/** The front page as a service. It comes after the rules of the user function, which may have one for `/`. */
export function frontService(front: FrontPage): HttpService {
  return (request) => {
    const { method, target } = request;
    const isFront = target === "/" || target.startsWith("/?");
    return isFront && (method === "GET" || method === "HEAD") ? front(request) : undefined;
  };
}
