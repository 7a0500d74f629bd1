// SPDX-License-Identifier: Apache-2.0

import { isGrpcContentType } from "../../grpc/mod.ts";

import { TEXT_TYPE } from "./error-response.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError, methodNotAllowed } from "./http-error.ts";
import { refuseUnknownProbe } from "./network-probe.ts";
import type { RouteTable } from "./route-table.ts";
import { shown } from "./shown.ts";
import { readTarget } from "./target.ts";

/** Only for HTTP/1.1, because gRPC calls over HTTP/2 are answered before they reach this code. */
const GRPC_HINT = " over HTTP/1.1: gRPC is spoken over HTTP/2, and gRPC-Web over both";

/**
 * The answer under a path with routes for other methods only, which OPTIONS names (RFC 9110, 9.3.7); else undefined.
 *
 * @throws HttpError `METHOD_NOT_ALLOWED`
 */
export function otherMethods(
  method: string,
  path: string,
  routes: RouteTable<unknown>,
): HttpResponse | undefined {
  if (method === "CONNECT") throw methodNotAllowed(method, []);
  const methods = path.startsWith("/") ? routes.methodsOf(path) : [];
  if (methods.length === 0) return undefined;
  const allowed = [...new Set([...methods, "OPTIONS"])].sort();
  if (method !== "OPTIONS") throw methodNotAllowed(shown(method), allowed);
  return allowing(allowed);
}

/**
 * The last service, for what no other takes. With an asterisk, OPTIONS asks about the server as a whole.
 *
 * @throws HttpError `UNKNOWN_PATH`, `UNKNOWN_PROBE`
 */
export function nothingServed(request: HttpRequest): HttpResponse {
  refuseUnknownProbe(request);
  const { method, target, contentType } = request;
  if (method === "OPTIONS" && target === "*") return allowing(["OPTIONS"]);
  const { path } = readTarget(target);
  const hint = isGrpcContentType(contentType) ? GRPC_HINT : "";
  throw new HttpError("UNKNOWN_PATH", `nothing is served under ${shown(method)} ${shown(path)}${hint}`);
}

function allowing(methods: readonly string[]): HttpResponse {
  const headers = ["allow", methods.join(", ")];
  return { status: 200, contentType: TEXT_TYPE, errorCode: undefined, headers, body: "" };
}
