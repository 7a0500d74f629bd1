// SPDX-License-Identifier: Apache-2.0

import type { HttpAnswer, HttpRequest } from "./exchange.ts";

/**
 * One of the services that the endpoint offers over HTTP. The endpoint asks them in order, and the first one that takes
 * a request answers it.
 *
 * @returns undefined if the request is for another service.
 * @throws HttpError, or the StatusError of the dispatch; a promise rejects with the same.
 */
export type HttpService = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer> | undefined;
