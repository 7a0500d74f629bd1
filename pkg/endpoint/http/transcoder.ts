// SPDX-License-Identifier: Apache-2.0

/**
 * Turns requests of HTTP with JSON into commands, by the `google.api.http` rules of one specification.
 *
 * 1. An error in a request is found before anything is dispatched.
 * 2. A body that no rule takes is read within its limit and dropped, so that the connection can still be used.
 */

import type { CallContext } from "../../call/mod.ts";
import type { Metadata } from "../../protocol/mod.ts";
import { NO_METADATA } from "../../protocol/mod.ts";
import type { CommandReply } from "../../router/mod.ts";
import { noReply } from "../../router/mod.ts";
import type { TraceReader } from "../../telemetry/mod.ts";
import { inSpan, traceReader } from "../../telemetry/mod.ts";
import type { ServedMethod, UserFunctionSpec } from "../../userfunction/mod.ts";

import type { JsonCodec, JsonCodecs } from "../json/json-codec.ts";
import { idempotencyKey, replyHeaders, requestMetadata } from "../metadata.ts";
import type { ServingContext } from "../serving.ts";
import { Unserved } from "../unserved.ts";
import type { HttpAnswer, HttpRequest, HttpResponse } from "./exchange.ts";
import type { HttpBinding } from "./http-rule.ts";
import { httpBindings } from "./http-rule.ts";
import type { HttpService } from "./http-service.ts";
import type { ReplyBody } from "./reply-json.ts";
import { isPlainBody, readPackedBody } from "./request-body.ts";
import type { BodyForm } from "./request-message.ts";
import { bodyForm } from "./request-message.ts";
import type { RouteMatch } from "./route-table.ts";
import { RouteTable } from "./route-table.ts";
import { streamEncoder } from "./streamed-answer.ts";
import { readTarget } from "./target.ts";
import { otherMethods } from "./unmatched.ts";

interface Route {
  readonly takes: BodyForm;
  readonly codec: JsonCodec;
  readonly answer: Answerer;
}

/** The service that serves the rules of `google.api.http`: takes the requests whose path has a rule. */
export function createTranscoder(
  spec: UserFunctionSpec,
  codecs: JsonCodecs,
  context: ServingContext,
  unserved = new Unserved(spec),
): HttpService {
  const routes = routeTable(spec, codecs, context);

  const serve = (request: HttpRequest, query: string, match: RouteMatch<Route>): Promise<HttpAnswer> =>
    request.hasBody ? serveBody(request, query, match) : encode(request, query, match, undefined);

  const serveBody = async (
    request: HttpRequest,
    query: string,
    match: RouteMatch<Route>,
  ): Promise<HttpAnswer> => {
    const { takes } = match.route;
    const body = isPlainBody(request, takes)
      ? await request.readBody()
      : await readPackedBody(request, takes, context.maxRequestBytes);
    return encode(request, query, match, body);
  };

  const encode = (
    request: HttpRequest,
    query: string,
    { route, segments }: RouteMatch<Route>,
    body: Buffer | undefined,
  ): Promise<HttpAnswer> => {
    const source = { segments, query, body, contentType: request.contentType };
    const encoded = route.codec.request(source, request);
    if (!(encoded instanceof Promise)) return dispatch(request, route, encoded);
    return encoded.then((payload) => dispatch(request, route, payload));
  };

  const dispatch = (request: HttpRequest, { answer }: Route, payload: Uint8Array): Promise<HttpAnswer> => {
    // The body is not needed any more; the message is held until its answer is there.
    const { bytes, ownBytes } = request.request;
    bytes.holdExactly(ownBytes + payload.length);
    return answer(request, payload);
  };

  return (request) => {
    const { path, query } = readTarget(request.target);
    const match = path.startsWith("/") ? routes.find(request.method, path) : undefined;
    if (match !== undefined) return serve(request, query, match);
    const refusal = unserved.request(request.method, path);
    if (refusal !== undefined) throw refusal;
    return otherMethods(request.method, path, routes);
  };
}

/** Dispatches a request's message, and makes the answer from the replies. */
type Answerer = (request: HttpRequest, payload: Uint8Array) => Promise<HttpAnswer>;

function unaryAnswerer(method: ServedMethod, codec: JsonCodec, context: ServingContext): Answerer {
  const { tracer } = context.telemetry;
  const readTrace = traceReader(context.telemetry);
  return async (request, payload) => {
    const reply = await context.dispatch.unary({
      method,
      payload,
      call: callOf(
        request,
        method.service.takesMetadata
          ? requestMetadata(request.rawHeaders, request.request.bytes)
          : NO_METADATA,
        idempotencyKey(request.headers, context.maxIdempotencyKeyLength),
        readTrace,
      ),
    });
    if (reply.trace !== undefined)
      return inSpan(tracer, "reply", reply.trace, async () =>
        wholeAnswer(await codec.reply(reply.payload, request), reply),
      );
    const body = codec.reply(reply.payload, request);
    return wholeAnswer(body instanceof Promise ? await body : body, reply);
  };
}

/** Over HTTP a stream of messages to the user function always has one message. */
function streamedAnswerer(
  binding: HttpBinding,
  method: ServedMethod,
  codec: JsonCodec,
  context: ServingContext,
): Answerer {
  const { dispatch } = context;
  const encodeReplies = streamEncoder(binding, codec, context);
  const readTrace = traceReader(context.telemetry);
  return async (request, payload) => {
    const replies = dispatch.streamed({
      method,
      call: callOf(request, requestMetadata(request.rawHeaders, request.request.bytes), undefined, readTrace),
      input: once(payload),
    });
    if (method.desc.methodKind !== "client_streaming") return encodeReplies(replies, request);
    for await (const reply of replies) return wholeAnswer(await codec.reply(reply.payload, request), reply);
    throw noReply();
  };
}

/** HTTP has no deadline, and a stream no idempotency key. */
function callOf(
  request: HttpRequest,
  metadata: Metadata,
  key: CallContext["idempotencyKey"],
  readTrace: TraceReader | undefined,
): CallContext {
  const open = request.request;
  return {
    metadata,
    idempotencyKey: key,
    deadlineMs: undefined,
    onCancel: (listener) => request.onCancel(listener),
    bytes: open.bytes,
    trace: readTrace?.(request.headers),
    onSpan: readTrace && ((span) => void (open.span = span)),
  };
}

async function* once(payload: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield payload;
}

function wholeAnswer({ contentType, body }: ReplyBody, { metadata }: CommandReply): HttpResponse {
  const answer = { status: 200, contentType, errorCode: undefined, body };
  return metadata.length === 0 ? answer : { ...answer, headers: replyHeaders(metadata) };
}

function routeTable(spec: UserFunctionSpec, codecs: JsonCodecs, context: ServingContext): RouteTable<Route> {
  const routes = new RouteTable<Route>();
  for (const service of spec.services.values()) {
    for (const method of service.methods.values()) {
      const isUnary = method.desc.methodKind === "unary";
      for (const [index, binding] of httpBindings(method.desc).bindings.entries()) {
        const codec = codecs.of(binding, index);
        const answer = isUnary
          ? unaryAnswerer(method, codec, context)
          : streamedAnswerer(binding, method, codec, context);
        routes.add(binding.httpMethod, binding.template, { takes: bodyForm(binding), codec, answer });
      }
    }
  }
  return routes;
}
