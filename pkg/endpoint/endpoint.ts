// SPDX-License-Identifier: Apache-2.0

/**
 * The public port: gRPC, gRPC-Web, HTTP with JSON, WebSockets, reflection and health, for what is served right now.
 *
 * 1. Every call sees one specification from its beginning to its end; a new one is put in place in one step.
 * 2. While there is no specification, every call fails at once, whatever its shape: with USER_FUNCTION_UNAVAILABLE,
 *    because the port stays open and callers may try again, or with the error of `absence`. Only health checks are
 *    always answered.
 * 3. A call to a part of the specification that is not served fails with the reason (`Unserved`).
 * 4. A caller's input can end its own connection, but never the process (I12), and takes bounded memory (I11).
 */

import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";

import type { Clock } from "../base/mod.ts";
import type {
  CallerAccounts,
  GrpcServerHandler,
  Http2ServerLimits,
  MethodHandler,
  ServerContext,
  StatusError,
} from "../grpc/mod.ts";
import {
  callerAccounts,
  createGrpcServerHandler,
  createGrpcWebHandler,
  createServerContext,
  http2ServerOptions,
  isGrpcContentType,
  isGrpcWebContentType,
  tuneServerSession,
} from "../grpc/mod.ts";
import type { Dispatch } from "../router/mod.ts";
import { pickValues } from "../settings/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";
import type { UserFunctionSpec } from "../userfunction/mod.ts";
import { unavailable } from "../userfunction/mod.ts";

import type { AnswerListener, RefusalListener } from "./answered-request.ts";
import { answeredCall, refusedHttp } from "./answered-request.ts";
import { Callers } from "./callers.ts";
import { CurrentSpec } from "./current-spec.ts";
import { Health } from "./health/health.ts";
import { healthMethods } from "./health/health-methods.ts";
import { badHttp2Head, refuseHttp2 } from "./http/bad-head.ts";
import { BodyReader } from "./http/body.ts";
import type { CrossOrigin } from "./http/cors.ts";
import { createCrossOrigin } from "./http/cors.ts";
import type { HttpHandler, HttpRequest } from "./http/exchange.ts";
import type { FrontPage } from "./http/http-handler.ts";
import { createHttpHandler, frontService } from "./http/http-handler.ts";
import type { HttpService } from "./http/http-service.ts";
import { createHttp1Server } from "./http/http1.ts";
import type { Http2Context } from "./http/http2.ts";
import { serveHttp2Stream } from "./http/http2.ts";
import { networkProbe } from "./http/network-probe.ts";
import { nothingServed } from "./http/unmatched.ts";
import type { EndpointOptions } from "./options.ts";
import { DEFAULT_ENDPOINT_OPTIONS } from "./options.ts";
import { openPort } from "./port.ts";
import { withReplyTurns } from "./reply-turns.ts";
import type { RequestMeter } from "./request-meter.ts";
import { requestMeter } from "./request-meter.ts";
import { ENDPOINT_SETTINGS } from "./settings.ts";
import { asksForWebSocket } from "./websocket/handshake.ts";
import { WebSockets } from "./websocket/web-sockets.ts";

/** Streams of one connection if its address gives up too many requests: still enough for an honest caller. */
const CURBED_STREAMS = 8;

export interface EndpointDependencies {
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Called for each call while nothing is served: returns the caller's error. Default: unavailable, try again. */
  readonly absence?: () => StatusError;
  /** The accounts that all callers share. Default: made from the options. To be given if others count in them too. */
  readonly accounts?: CallerAccounts;
  /** Called for every request. Without it no request is recorded, which costs nothing. */
  readonly onAnswered?: AnswerListener | undefined;
  /** Answers `GET /`, where no rule of the user function does. */
  readonly front?: FrontPage | undefined;
}

/** An open public port. */
export interface Endpoint {
  /** The port that was taken, where 0 was asked for. */
  readonly port: number;
  /** Serves this specification from now on, but for the parts that it marks as not served. Undefined: nothing. */
  setSpec(spec: UserFunctionSpec | undefined): void;
  /** What is connected now. */
  connections(): Connections;
  /** Takes no new connections, lets open calls finish for `drainMs` milliseconds, then breaks what is left. */
  close(drainMs: number): Promise<void>;
}

export interface Connections {
  readonly open: number;
  /** From so many peer addresses. */
  readonly addresses: number;
  /** Of HTTP/2. */
  readonly http2: number;
  readonly webSockets: number;
  /** Those that have not shown their protocol. */
  readonly undecided: number;
}

/** How long before the end of draining open WebSockets are closed, in milliseconds; at most half of it. */
const GOODBYE_MS = 1_000;

/** Opens the public port, with nothing to serve at first. @throws ListenError if the port is not available. */
export async function startEndpoint(
  overrides: Partial<EndpointOptions>,
  dependencies: EndpointDependencies,
): Promise<Endpoint> {
  // Of `overrides` only what is for the port, because the thread for JSON gets a copy, and others may be secrets.
  const options = pickValues(ENDPOINT_SETTINGS, { ...DEFAULT_ENDPOINT_OPTIONS, ...overrides });
  const { clock, telemetry, onAnswered } = dependencies;
  const accounts = dependencies.accounts ?? callerAccounts(options.maxBufferedBytes, options.maxOpenRequests);
  const callers = new Callers(accounts, options.maxConnections, options.maxSmallPieces, clock);
  const serving = { ...options, clock, telemetry, dispatch: withReplyTurns(dependencies.dispatch) };
  const current = new CurrentSpec(options, serving, dependencies.absence ?? notThere);
  const measure = requestMeter(telemetry.meter, () => callers.size);
  const onRefused = refusalListener(measure, onAnswered);
  let draining = false;

  const crossOrigin = createCrossOrigin(options.corsOrigins);
  const serveJson = jsonHandler(current, crossOrigin, measure, dependencies);
  const health = new Health();
  const calls = grpcCalls(current, healthMethods(health), accounts, measure, options, dependencies);
  const serveGrpcWeb = createGrpcWebHandler(calls);
  const handle: HttpHandler = (exchange) =>
    isGrpcWebContentType(exchange.contentType) ? serveGrpcWeb(exchange) : serveJson(exchange);

  const webSockets = new WebSockets({
    methods: () => current.get().webSocketMethods,
    refusalOf: (path) => current.refusalOf(path),
    callerOf: (socket) => callers.of(socket),
    calls,
    crossOrigin,
    clock,
    keepAliveMs: options.streamKeepAliveMs,
    idleTimeoutMs: options.idleTimeoutMs,
    onRefused,
  });

  const bodies = new BodyReader(options, clock);
  const context = { handle, bodies, crossOrigin, telemetry, accounts, turns: calls.turns };
  const http1 = createHttp1Server(
    {
      ...context,
      callerOf: (socket) => callers.of(socket),
      onFirstRequest: (socket) => callers.use(socket),
      isDraining: () => draining,
      isUpgrade: asksForWebSocket,
      upgrade: (request, connection, head) => void webSockets.upgrade(request, connection, head),
      onRefused,
    },
    options,
  );
  const newHttp2Server = (limits: Http2ServerLimits): Http2Server =>
    http2Server(limits, createGrpcServerHandler(calls), context, onRefused);
  const http2 = newHttp2Server({ maxConcurrentStreams: options.maxConnectionStreams });
  const curbedHttp2 = newHttp2Server(curbed(options));
  const port = await openPort({ http1, http2, curbedHttp2 }, options, callers, clock, telemetry);

  return {
    port: port.port,
    setSpec(spec) {
      current.set(spec);
      health.setSpec(spec);
    },
    connections: () => ({ ...callers.counts, ...port.connections, webSockets: webSockets.size }),
    async close(drainMs) {
      draining = true;
      health.stop();
      webSockets.stop();
      const goodbye = clock.schedule(drainMs - Math.min(drainMs / 2, GOODBYE_MS), () => webSockets.goAway());
      await port.close(drainMs);
      goodbye.cancel();
      current.close();
    },
  };
}

function curbed({ maxConnectionStreams }: EndpointOptions): Http2ServerLimits {
  const maxConcurrentStreams = Math.min(CURBED_STREAMS, maxConnectionStreams);
  return { maxConcurrentStreams, maxRejectedStreams: CURBED_STREAMS };
}

function refusalListener(measure: RequestMeter, onAnswered: AnswerListener | undefined): RefusalListener {
  return (request, answer) => {
    measure("http", answer.status, 0);
    onAnswered?.(refusedHttp(request, answer));
  };
}

/** HTTP with JSON: the services that may answer a request, in their order. */
function jsonHandler(
  current: CurrentSpec,
  crossOrigin: CrossOrigin | undefined,
  measure: RequestMeter,
  { clock, telemetry, onAnswered, front }: EndpointDependencies,
): HttpHandler {
  const probeWhileServing: HttpService = (request) => {
    const answer = networkProbe(request);
    if (answer !== undefined) current.get();
    return answer;
  };
  const services: readonly HttpService[] = [
    probeWhileServing,
    ...(crossOrigin === undefined ? [] : [(request: HttpRequest) => crossOrigin.preflight(request)]),
    (request) => current.get().transcoder(request),
    ...(front === undefined ? [] : [frontService(front)]),
    nothingServed,
  ];
  return createHttpHandler({ services, crossOrigin, onAnswered, measure, clock, telemetry });
}

/** What gRPC, gRPC-Web and WebSockets share: which method a path names, and the bounds of calls. */
function grpcCalls(
  current: CurrentSpec,
  ownMethods: ReadonlyMap<string, MethodHandler>,
  accounts: CallerAccounts,
  measure: RequestMeter,
  options: EndpointOptions,
  { clock, telemetry, onAnswered }: EndpointDependencies,
): ServerContext {
  return createServerContext({
    lookup: (path) => current.method(path) ?? ownMethods.get(path) ?? current.failing(path),
    clock,
    telemetry,
    maxReceiveBytes: options.maxRequestBytes,
    accounts,
    firstMessageTimeoutMs: options.firstMessageTimeoutMs,
    firstStreamMessageTimeoutMs: options.firstStreamMessageTimeoutMs,
    requestTimeoutMs: options.requestTimeoutMs,
    onStatus: measure,
    onEnd: onAnswered && ((call) => onAnswered(answeredCall(call, clock.monotonicMs()))),
  });
}

/** Gives each stream of HTTP/2 to gRPC or, if it does not speak gRPC, to the handler of all other requests. */
function http2Server(
  limits: Http2ServerLimits,
  serveGrpc: GrpcServerHandler,
  context: Http2Context,
  onRefused: RefusalListener,
): Http2Server {
  const server = createHttp2Server(http2ServerOptions(limits));
  server.on("session", (session) => tuneServerSession(session));
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags, rawHeaders) => {
    // Its connection closed before the stream began. Without a listener an error would end the process (I12).
    if (stream.session === undefined) return void stream.on("error", () => undefined);
    const bad = badHttp2Head(headers);
    if (bad !== undefined) {
      refuseHttp2(stream, bad);
      onRefused({ method: headers[":method"], url: headers[":path"] }, bad);
    } else if (isGrpcContentType(headers["content-type"])) serveGrpc(stream, headers, flags, rawHeaders);
    else serveHttp2Stream(context, stream, headers, rawHeaders);
  });
  return server;
}

function notThere(): StatusError {
  return unavailable("the user function is not available yet; try again");
}
