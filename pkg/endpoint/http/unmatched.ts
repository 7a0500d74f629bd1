// SPDX-License-Identifier: Apache-2.0

import { isGrpcContentType } from "../../grpc/mod.ts";
import { TEXT_TYPE } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError, methodNotAllowed } from "./http-error.ts";
import { networkProbe } from "./network-probe.ts";
import type { RouteTable } from "./route-table.ts";
import { shown } from "./shown.ts";

/** Only for HTTP/1.1, because gRPC calls over HTTP/2 are answered before they reach this code. */
const GRPC_HINT = " over HTTP/1.1: gRPC is spoken over HTTP/2, and gRPC-Web over both";

/**
 * The answer to a request that no route takes: to a network probe, or to OPTIONS for any path that has a route (RFC
 * 9110, 9.3.7).
 *
 * @throws HttpError `METHOD_NOT_ALLOWED`, `UNKNOWN_PATH`, `UNKNOWN_PROBE`
 */
export function unmatched(request: HttpRequest, path: string, routes: RouteTable<unknown>): HttpResponse {
  const probe = networkProbe(request);
  if (probe !== undefined) return probe;
  const { method } = request;
  if (method === "CONNECT") throw methodNotAllowed(method, []);
  const isOptions = method === "OPTIONS";
  const methods = path.startsWith("/") ? routes.methodsOf(path) : [];
  // The asterisk asks about the server as a whole.
  const isThere = methods.length > 0 || (isOptions && path === "*");
  if (!isThere)
    throw new HttpError(
      "UNKNOWN_PATH",
      `nothing is served under ${shown(method)} ${shown(path)}${isGrpcContentType(request.contentType) ? GRPC_HINT : ""}`,
    );
  const allowed = [...new Set([...methods, "OPTIONS"])].sort();
  if (!isOptions) throw methodNotAllowed(shown(method), allowed);
  const headers = ["allow", allowed.join(", ")];
  return { status: 200, contentType: TEXT_TYPE, errorCode: undefined, headers, body: "" };
}
