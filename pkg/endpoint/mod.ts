// SPDX-License-Identifier: Apache-2.0

export type { AnsweredRequest, AnswerListener } from "./answered-request.ts";
export type { Endpoint, EndpointDependencies } from "./endpoint.ts";
export { startEndpoint } from "./endpoint.ts";
export type { HttpRequest, HttpResponse } from "./http/exchange.ts";
export type { HttpErrorCode } from "./http/http-error.ts";
export type { FrontPage } from "./http/http-handler.ts";
export type { HttpRoute } from "./http/routes.ts";
export { checkHttpRules, httpRoutes } from "./http/routes.ts";
export type { ListenErrorCode } from "./listen-error.ts";
export type { EndpointOptions } from "./options.ts";
