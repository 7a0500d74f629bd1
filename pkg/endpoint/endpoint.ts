// SPDX-License-Identifier: Apache-2.0

/**
 * The public port: gRPC, gRPC-Web, HTTP with JSON, WebSockets, server reflection and health for whatever the user function serves at the moment.
 *
 * 1. Every call sees one specification from its beginning to its end; a new one is put in place in one step.
 * 2. While there is none, every call gets USER_FUNCTION_UNAVAILABLE: the port stays open, so callers may try again.
 *    Only questions about health are answered always.
 * 3. What a caller sends ends at most its own connection, never the process (I12), and fills bounded memory (I11).
 */

import { createServer as createHttp2Server } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

import { silentLogger } from "../base/mod.ts";
import type { Clock, Logger } from "../base/mod.ts";
import {
  callerAccounts,
  createGrpcServerHandler,
  createGrpcWebHandler,
  createServerContext,
  http2ServerOptions,
  isGrpcContentType,
  isGrpcWebContentType,
  Status,
  StatusError,
  tuneServerSession,
} from "../grpc/mod.ts";
import type { CallerAccounts, MethodHandler } from "../grpc/mod.ts";
import type { Dispatch } from "../router/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";
import { answeredCall, refusedHttp } from "./answered-request.ts";
import type { AnswerListener } from "./answered-request.ts";
import { Callers } from "./callers.ts";
import { grpcMethods } from "./grpc-methods.ts";
import { healthMethods } from "./health/health-methods.ts";
import { Health } from "./health/health.ts";
import { BodyReader } from "./http/body.ts";
import { badHttp2Head, refuseHttp2 } from "./http/bad-head.ts";
import { createCrossOrigin } from "./http/cors.ts";
import type { HttpHandler } from "./http/exchange.ts";
import { createHttp1Server } from "./http/http1.ts";
import { serveHttp2Stream } from "./http/http2.ts";
import { createHttpHandler } from "./http/http-handler.ts";
import type { FrontPage } from "./http/http-handler.ts";
import { createTranscoder } from "./http/transcoder.ts";
import type { Transcoder } from "./http/transcoder.ts";
import { JsonCodecs } from "./json/json-codec.ts";
import { DEFAULT_ENDPOINT_OPTIONS } from "./options.ts";
import type { EndpointOptions } from "./options.ts";
import { openPort } from "./port.ts";
import { asksForWebSocket } from "./websocket/handshake.ts";
import { webSocketMethods } from "./websocket/methods.ts";
import type { WebSocketMethods } from "./websocket/methods.ts";
import { WebSockets } from "./websocket/web-sockets.ts";

export interface EndpointDependencies {
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** What the callers share; made of the options if others do not count there too. */
  readonly accounts?: CallerAccounts;
  /** Hears of every request; without it none is recorded, which costs nothing. */
  readonly onAnswered?: AnswerListener | undefined;
  /** Answers `GET /`, where no rule of the user function does. */
  readonly front?: FrontPage | undefined;
}

/** An open public port. */
export interface Endpoint {
  /** The port that was taken, where 0 was asked for. */
  readonly port: number;
  /** Serves this specification from now on; its HTTP rules must have passed `checkHttpRules`. Undefined: nothing. */
  setSpec(spec: UserFunctionSpec | undefined): void;
  /** Takes no new connections, lets open calls finish for `drainMs` milliseconds, then breaks what is left. */
  close(drainMs: number): Promise<void>;
}

/** What serves one specification. */
interface Serving {
  readonly transcoder: Transcoder;
  readonly methods: ReadonlyMap<string, MethodHandler>;
  readonly webSocketMethods: WebSocketMethods;
  readonly codecs: JsonCodecs;
}

/** Before connections are broken, their callers are told, where there is a way to; at most so long, in milliseconds. */
const GOODBYE_MS = 1_000;

/**
 * Opens the public port, with nothing to serve at first.
 *
 * @throws EndpointError if the port cannot be had.
 */
export async function startEndpoint(
  overrides: Partial<EndpointOptions>,
  dependencies: EndpointDependencies,
): Promise<Endpoint> {
  const options: EndpointOptions = { ...DEFAULT_ENDPOINT_OPTIONS, ...overrides };
  const { dispatch, clock, logger = silentLogger, onAnswered, front } = dependencies;
  const accounts = dependencies.accounts ?? callerAccounts(options.maxBufferedBytes, options.maxOpenRequests);
  const callers = new Callers(accounts, options.maxConnections, clock);
  let serving: Serving | undefined;
  let draining = false;

  const { maxIdempotencyKeyLength, streamKeepAliveMs } = options;
  const behind = { dispatch, maxIdempotencyKeyLength, streamKeepAliveMs, clock, logger };
  const bodies = new BodyReader(options, clock);
  const crossOrigin = createCrossOrigin(options.corsOrigins);
  const serveJson = createHttpHandler({
    transcoder: () => (serving ?? throwUnavailable()).transcoder,
    crossOrigin,
    front,
    onAnswered,
    clock,
    logger,
  });
  const health = new Health();
  const ownMethods = healthMethods(health);
  const calls = createServerContext({
    lookup: (path) =>
      serving?.methods.get(path) ?? ownMethods.get(path) ?? (serving === undefined ? UNAVAILABLE : undefined),
    clock,
    logger,
    maxReceiveBytes: options.maxRequestBytes,
    accounts,
    firstMessageTimeoutMs: options.firstMessageTimeoutMs,
    firstStreamMessageTimeoutMs: options.firstStreamMessageTimeoutMs,
    requestTimeoutMs: options.requestTimeoutMs,
    onEnd: onAnswered && ((call) => onAnswered(answeredCall(call, clock.monotonicMs()))),
  });
  const serveGrpc = createGrpcServerHandler(calls);
  const serveGrpcWeb = createGrpcWebHandler(calls);
  const handle: HttpHandler = (exchange) =>
    isGrpcWebContentType(exchange.contentType) ? serveGrpcWeb(exchange) : serveJson(exchange);

  const webSockets = new WebSockets({
    methods: () => (serving ?? throwUnavailable()).webSocketMethods,
    callerOf: (socket) => callers.of(socket),
    calls,
    crossOrigin,
    clock,
    keepAliveMs: streamKeepAliveMs,
    idleTimeoutMs: options.idleTimeoutMs,
    onAnswered,
  });

  const context = { handle, bodies, crossOrigin, logger, accounts };
  const http1 = createHttp1Server(
    {
      ...context,
      callerOf: (socket) => callers.of(socket),
      onFirstRequest: (socket) => callers.use(socket),
      isDraining: () => draining,
      isUpgrade: asksForWebSocket,
      upgrade: (request, connection, head) => void webSockets.upgrade(request, connection, head),
      onAnswered,
    },
    options,
  );
  const http2 = createHttp2Server(http2ServerOptions({ maxConcurrentStreams: options.maxConnectionStreams }));
  http2.on("session", (session) => tuneServerSession(session));
  http2.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags, rawHeaders) => {
    const bad = badHttp2Head(headers);
    if (bad !== undefined) {
      refuseHttp2(stream, bad);
      onAnswered?.(refusedHttp({ method: headers[":method"], url: headers[":path"] }, bad));
    } else if (isGrpcContentType(headers["content-type"])) serveGrpc(stream, headers, flags, rawHeaders);
    else serveHttp2Stream(context, stream, headers, rawHeaders);
  });
  const port = await openPort({ http1, http2 }, options, callers, clock, logger);

  return {
    port: port.port,
    setSpec(spec) {
      serving?.codecs.close();
      serving = undefined;
      if (spec !== undefined) {
        const codecs = new JsonCodecs(spec.descriptors, options, clock, logger);
        serving = {
          transcoder: createTranscoder(spec, codecs, behind),
          methods: grpcMethods(spec, behind),
          webSocketMethods: webSocketMethods(spec, codecs, behind),
          codecs,
        };
      }
      health.setSpec(spec);
    },
    async close(drainMs) {
      draining = true;
      health.stop();
      webSockets.stop();
      const goodbye = clock.schedule(drainMs - Math.min(drainMs / 2, GOODBYE_MS), () => webSockets.goAway());
      await port.close(drainMs);
      goodbye.cancel();
      serving?.codecs.close();
    },
  };
}

function throwUnavailable(): never {
  throw new StatusError(
    Status.UNAVAILABLE,
    "USER_FUNCTION_UNAVAILABLE",
    "the user function is not available yet; try again",
  );
}

const UNAVAILABLE: MethodHandler = { kind: "unary", handle: async () => throwUnavailable() };
