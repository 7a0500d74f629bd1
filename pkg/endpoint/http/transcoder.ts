// SPDX-License-Identifier: Apache-2.0

/**
 * HTTP with JSON in, commands out: `google.api.http` over the methods of one specification.
 *
 * 1. What is wrong with a request is found before anything is dispatched.
 * 2. A body that no rule takes is read within its limit and dropped, so that the connection can go on.
 */

import type { Registry } from "@bufbuild/protobuf";

import { NO_METADATA } from "../../protocol/mod.ts";
import type { Dispatch } from "../../router/mod.ts";
import type { ServedMethod, UserFunctionSpec } from "../../userfunction/mod.ts";
import { idempotencyKey, replyHeaders, requestMetadata } from "../metadata.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";
import { httpBindings } from "./http-rule.ts";
import { replyEncoder } from "./reply-json.ts";
import type { ReplyEncoder } from "./reply-json.ts";
import { requestEncoder } from "./request-message.ts";
import type { RequestEncoder } from "./request-message.ts";
import { RouteTable } from "./route-table.ts";

interface Route {
  readonly method: ServedMethod;
  readonly takesBody: boolean;
  readonly encodeRequest: RequestEncoder;
  readonly encodeReply: ReplyEncoder;
}

/** Answers one request. Rejects with HttpError, or with the StatusError of the dispatch. */
export type Transcoder = (request: HttpRequest) => Promise<HttpResponse>;

export function createTranscoder(spec: UserFunctionSpec, dispatch: Dispatch): Transcoder {
  const routes = routeTable(spec, spec.descriptors.registry);

  return async (request) => {
    const target = originForm(request.target);
    const mark = target.indexOf("?");
    const path = mark === -1 ? target : target.slice(0, mark);
    const match = path.startsWith("/") ? routes.find(request.method, path) : undefined;
    if (match === undefined) {
      throw new HttpError("UNKNOWN_PATH", `nothing is served under ${shown(request.method)} ${shown(path)}`);
    }
    const { method, takesBody, encodeRequest, encodeReply } = match.route;
    if (takesBody) checkContentType(request.contentType);
    const body = request.hasBody ? await request.readBody() : undefined;
    const query = mark === -1 ? "" : target.slice(mark + 1);
    const payload = encodeRequest({ segments: match.segments, query, body });
    const reply = await dispatch.unary({
      method,
      payload,
      metadata: method.kind === "action" ? requestMetadata(request.rawHeaders) : NO_METADATA,
      idempotencyKey: idempotencyKey(request.headers),
      deadlineMs: undefined,
      onCancel: request.onCancel,
    });
    const answer = { status: 200, errorCode: undefined, ...encodeReply(reply.payload) };
    return reply.metadata.length === 0 ? answer : { ...answer, headers: replyHeaders(reply.metadata) };
  };
}

function routeTable(spec: UserFunctionSpec, types: Registry): RouteTable<Route> {
  const routes = new RouteTable<Route>();
  for (const service of spec.services.values()) {
    for (const method of service.methods.values()) {
      if (method.desc.methodKind !== "unary") continue;
      for (const binding of httpBindings(method.desc).bindings) {
        const route = {
          method,
          takesBody: binding.body.kind !== "none",
          encodeRequest: requestEncoder(binding, types),
          encodeReply: replyEncoder(binding, types),
        };
        routes.add(binding.httpMethod, binding.template, route);
      }
    }
  }
  return routes;
}

/** Clients of proxies send the whole URL (RFC 9112, 3.2.2). */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(target);
  return absolute?.[1] ?? target;
}

const JSON_CONTENT_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

function checkContentType(contentType: string | undefined): void {
  if (contentType === "application/json") return;
  if (contentType !== undefined && JSON_CONTENT_TYPE.test(contentType)) return;
  const got = contentType === undefined ? "there is none" : `it is ${shown(contentType)}`;
  throw new HttpError("UNSUPPORTED_CONTENT_TYPE", `the content type must be application/json; ${got}`);
}

/** A text from outside, shortened and free of control characters. */
function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, "?");
  return printable.length > 200 ? `${printable.slice(0, 200)}…` : printable;
}
