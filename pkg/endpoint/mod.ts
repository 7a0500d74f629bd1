// SPDX-License-Identifier: Apache-2.0

export { startEndpoint } from "./endpoint.ts";
export type { Endpoint, EndpointDependencies } from "./endpoint.ts";
export type { EndpointErrorCode } from "./endpoint-error.ts";
export { parseOrigins } from "./http/cors.ts";
export type { HttpErrorCode } from "./http/http-error.ts";
export { checkHttpRules, httpRoutes } from "./http/routes.ts";
export type { HttpRoute } from "./http/routes.ts";
export type { EndpointOptions } from "./options.ts";
