// SPDX-License-Identifier: Apache-2.0

import type { HttpAnswer, HttpRequest } from "./exchange.ts";

/**
 * A service that the endpoint offers over HTTP. The first that takes a request, in their order, answers it.
 *
 * @returns undefined if the request is for another service.
 * @throws HttpError, or the StatusError of the dispatch; a promise rejects with the same.
 */
export type HttpService = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer> | undefined;
