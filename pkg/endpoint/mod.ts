// SPDX-License-Identifier: Apache-2.0

export type { AnsweredRequest } from "./answered-request.ts";
export type { Endpoint } from "./endpoint.ts";
export { startEndpoint } from "./endpoint.ts";
export type { HttpRequest, HttpResponse } from "./http/exchange.ts";
export type { FrontPage } from "./http/http-handler.ts";
export { checkHttpRules, httpRoutes } from "./http/routes.ts";
export type { ListenErrorCode } from "./listen-error.ts";
export { ENDPOINT_METRICS } from "./metrics.ts";
