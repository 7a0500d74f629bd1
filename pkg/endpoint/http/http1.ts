// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";

import type { Logger } from "../../base/mod.ts";
import { toError } from "../../base/mod.ts";
import type { Caller } from "../../grpc/mod.ts";
import { OpenRequest } from "../../grpc/mod.ts";

import type { AnswerListener } from "../answered-request.ts";
import { refusedHttp } from "../answered-request.ts";
import type { EndpointOptions } from "../options.ts";
import { badHttp1Head, refusedTunnel, refuseHttp1, unknownExpectation } from "./bad-head.ts";
import { writeBareAnswer } from "./bare-answer.ts";
import type { BodyReader } from "./body.ts";
import type { CrossOrigin } from "./cors.ts";
import { TEXT_TYPE } from "./error-response.ts";
import type { HttpExchange, HttpHandler, HttpResponse } from "./exchange.ts";
import type { HttpErrorCode } from "./http-error.ts";
import { HTTP_ERRORS } from "./http-error.ts";

/** Bounds of HTTP/1.1 connections. */
export type Http1Options = Pick<
  EndpointOptions,
  "headersTimeoutMs" | "requestTimeoutMs" | "idleTimeoutMs" | "maxHeaderBytes"
>;

export interface Http1Context {
  readonly handle: HttpHandler;
  readonly bodies: BodyReader;
  /** The caller of a connection. */
  readonly callerOf: (socket: Socket) => Caller;
  /** Called when a connection makes its first request. */
  readonly onFirstRequest: (socket: Socket) => void;
  /** While true, each answer asks the client to close the connection. */
  readonly isDraining: () => boolean;
  readonly crossOrigin: CrossOrigin | undefined;
  /** Whether a request goes to `upgrade` with its connection. Any other upgrade is ignored. */
  readonly isUpgrade: (request: IncomingMessage) => boolean;
  /** Never throws. */
  readonly upgrade: (request: IncomingMessage, connection: Socket, head: Buffer) => void;
  /** Called for requests that are refused before they reach `handle`. */
  readonly onAnswered: AnswerListener | undefined;
  readonly logger: Logger;
}

/** The status of `ENDPOINT_OVERLOADED`. */
const OVERLOADED = 503;

/**
 * How many bytes are still read of a request that was refused so, because unread bytes may cost its client the
 * answer.
 */
const MAX_DISCARDED_BYTES = 65_536;

/** How often connections are looked over for those that exceeded a time-out. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * A connection without a request is closed so much later than its client was told (`keep-alive`), because the client
 * may send the next request at the last moment.
 */
const IDLE_GRACE_MS = 1_000;

/** Requests that may wait on one connection for their turn; a client that sends more at once is cut off. */
const MAX_PIPELINED = 32;

/**
 * An HTTP/1.1 server.
 *
 * 1. Requests that come on one connection without waiting for answers (pipelining) are carried out one after the other:
 *    the next one when the peer has taken the answer before it, so a peer that does not read makes no further work.
 * 2. Waiting requests are bounded, and counted in their caller's share (I11). Beyond that the connection is cut off,
 *    because no answer could be sent before those that are due.
 *
 * Node bounds how long headers and bodies may take. Requests that Node finds malformed are answered here.
 */
export function createHttp1Server(context: Http1Context, options: Http1Options): Server {
  const server = createServer({
    headersTimeout: Math.min(options.headersTimeoutMs, options.requestTimeoutMs),
    requestTimeout: options.requestTimeoutMs,
    // Two timers for each request would be made and cleared. `server.timeout` closes connections without a request too.
    keepAliveTimeout: 0,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, options.headersTimeoutMs),
    maxHeaderSize: options.maxHeaderBytes,
    // A request without a `host` header is refused with a code, like other bad heads.
    requireHostHeader: false,
    shouldUpgradeCallback: context.isUpgrade,
  });
  // Closes connections on which nothing moves, so that a client that does not read its answer is not waited for.
  server.timeout = options.idleTimeoutMs + IDLE_GRACE_MS;
  const connections = new WeakMap<Duplex, Connection>();
  const all = { ...context, keepAlive: `timeout=${Math.floor(options.idleTimeoutMs / 1_000)}` };

  const serve = (request: IncomingMessage, response: ServerResponse, bad = badHttp1Head(request)): void => {
    const { socket } = request;
    const connection = connections.get(socket) ?? newConnection(socket, connections, request);
    if (connection.latest === request) context.onFirstRequest(socket);
    if (connection.ended) return;
    if (bad !== undefined) {
      connection.ended = true;
      refuseHttp1(response, bad);
      context.onAnswered?.(refusedHttp(request, bad));
      return;
    }
    connection.latest = request;
    const open = new OpenRequest(context.callerOf(socket));
    const start = (): void => {
      connection.isBusy = true;
      // Node emits it once. `once` would make further objects for each request.
      response.on("close", () => {
        open.close();
        connection.isBusy = false;
        connection.waiting.shift()?.start();
      });
      context.handle(new Http1Exchange(request, response, open, all)).catch((error: unknown) => {
        context.logger.error("answer could not be written", { error });
        response.destroy();
      });
    };
    if (!connection.isBusy) return start();
    // (1) Node does not report the end of an answer that had not begun. The end of the connection closes such a
    // request.
    connection.waiting.push({ start, open });
    // (2)
    if (open.refusal !== undefined || connection.waiting.length > MAX_PIPELINED) cutOff(socket, connection);
  };

  server.on("request", (request, response) => serve(request, response));
  // A client that sends `expect: 100-continue` gets 100 when the body is wanted, or a refusal without having sent the
  // body.
  server.on("checkContinue", (request, response) => serve(request, response));
  server.on("checkExpectation", (request, response) =>
    serve(request, response, badHttp1Head(request) ?? unknownExpectation()),
  );
  serveTakeOvers(server, context, connections);
  server.on("clientError", (error, socket) => {
    const connection = connections.get(socket);
    if (connection?.ended === true) return;
    const answer = answerClientError(error, socket, connection);
    if (answer !== undefined) context.onAnswered?.(refusedHttp({}, answer));
  });
  return server;
}

/** Gives connections to `upgrade`, and refuses tunnels. */
function serveTakeOvers(
  server: Server,
  context: Http1Context,
  connections: WeakMap<Duplex, Connection>,
): void {
  const takeOver = (request: IncomingMessage, connection: Duplex, use: () => void): void => {
    // A connection cannot be taken over while requests on it are still being answered, because their answers would
    // come in between.
    const bad = badHttp1Head(request);
    const { isBusy = false, ended = false } = connections.get(connection) ?? {};
    if (isBusy || ended) connection.destroy();
    else if (bad !== undefined) refuse(connection, request, bad);
    else use();
  };
  const refuse = (connection: Duplex, request: IncomingMessage, answer: HttpResponse): void => {
    writeBareAnswer(connection, answer);
    context.onAnswered?.(refusedHttp(request, answer));
  };
  server.on("upgrade", (request: IncomingMessage, connection: Socket, head: Buffer) =>
    takeOver(request, connection, () => context.upgrade(request, connection, head)),
  );
  server.on("connect", (request: IncomingMessage, connection: Duplex) =>
    takeOver(request, connection, () => refuse(connection, request, refusedTunnel())),
  );
}

/**
 * Closes a connection with more requests than may wait. Node has read the further requests already, and makes an
 * error for each. These errors get no stack traces, because thousands of those take as long as hundreds of calls.
 */
function cutOff(socket: Socket, connection: Connection): void {
  connection.ended = true;
  const { stackTraceLimit } = Error;
  socket.prependOnceListener("close", () => void (Error.stackTraceLimit = 0));
  socket.once("close", () => void (Error.stackTraceLimit = stackTraceLimit));
  socket.destroy();
}

/** The requests and the answer in progress on a connection. */
interface Connection {
  latest: IncomingMessage;
  /** Whether there is an answer that the peer has not taken whole. */
  isBusy: boolean;
  /** Requests whose turn has not come, in order. */
  readonly waiting: { readonly start: () => void; readonly open: OpenRequest }[];
  /**
   * The connection closes, because a request had a bad head or too many were waiting. Later requests on it are
   * ignored.
   */
  ended: boolean;
}

function newConnection(
  socket: Socket,
  connections: WeakMap<Duplex, Connection>,
  latest: IncomingMessage,
): Connection {
  const connection: Connection = { latest, isBusy: false, waiting: [], ended: false };
  connections.set(socket, connection);
  socket.once("close", () => {
    for (const { open } of connection.waiting.splice(0)) open.close();
  });
  return connection;
}

interface ExchangeContext extends Pick<Http1Context, "bodies" | "crossOrigin" | "isDraining"> {
  /** The `keep-alive` header of an answer after which the connection stays open. */
  readonly keepAlive: string;
}

class Http1Exchange implements HttpExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #isCut = false;
  readonly request: OpenRequest;
  readonly #context: ExchangeContext;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    open: OpenRequest,
    context: ExchangeContext,
  ) {
    this.request = open;
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get target(): string {
    return this.#request.url ?? "";
  }

  get contentType(): string | undefined {
    return this.#request.headers["content-type"];
  }

  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  get hasBody(): boolean {
    const { headers } = this.#request;
    return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
  }

  async readBody(): Promise<Buffer> {
    this.#context.bodies.checkLength(this.#request.headers["content-length"]);
    this.#inviteBody();
    return this.#context.bodies.read(this.#request, this.request.bytes);
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  openBody(): Readable {
    this.#inviteBody();
    return this.#request;
  }

  onClose(listener: () => void): void {
    if (this.#response.destroyed) listener();
    else this.#response.on("close", listener);
  }

  onCancel(listener: () => void): void {
    const response = this.#response;
    if (response.destroyed) return listener();
    response.on("close", () => {
      if (!response.writableEnded) listener();
    });
  }

  begin(status: number, headers: readonly string[]): Writable | undefined {
    const response = this.#response;
    if (response.destroyed) return undefined;
    // A client that asked whether to send its body, and was refused, may still send it or not. Only a new connection
    // is unambiguous.
    const isUnsure = this.#request.headers.expect !== undefined && !this.#request.complete;
    const all = [...headers];
    const { crossOrigin, keepAlive } = this.#context;
    if (crossOrigin !== undefined) all.push(...crossOrigin.headers(this.#request.headers));
    this.#isCut = status === OVERLOADED && !this.#request.complete;
    if (isUnsure || this.#isCut || this.#context.isDraining()) all.push("connection", "close");
    else if (response.shouldKeepAlive) all.push("keep-alive", keepAlive);
    response.writeHead(status, all);
    return response;
  }

  /**
   * Drops the rest of the body; Node bounds how long that may take. If the request was refused as overloaded, the
   * rest is not read to its end: the connection is closed when the client has had a chance to read the reason.
   */
  discardBody(): void {
    const request = this.#request;
    if (request.complete) return;
    request.removeAllListeners("data").resume();
    if (!this.#isCut) return;
    let rest = MAX_DISCARDED_BYTES;
    request.on("data", (chunk: Buffer) => {
      rest -= chunk.length;
      if (rest < 0) request.socket.destroy();
    });
  }

  abort(): void {
    this.#response.destroy();
  }

  #inviteBody(): void {
    if (this.#request.headers.expect !== undefined) this.#response.writeContinue();
  }
}

/** Answers a request that Node could not read, but only if the answer cannot be taken for that of another request. */
function answerClientError(
  thrown: unknown,
  socket: Duplex,
  connection: Connection | undefined,
): HttpResponse | undefined {
  if (!socket.writable || !isAnswerable(connection)) {
    socket.destroy();
    return undefined;
  }
  const { code, message } = translateClientError(thrown);
  const { status } = HTTP_ERRORS[code];
  const answer = { status, contentType: TEXT_TYPE, errorCode: code, body: message };
  writeBareAnswer(socket, answer);
  return answer;
}

/** Whether no request is open, or only the one whose rest is still awaited. */
function isAnswerable(connection: Connection | undefined): boolean {
  if (connection === undefined) return true;
  const { latest, isBusy, waiting } = connection;
  return waiting.length === 0 && (latest.complete ? !isBusy : isBusy);
}

function translateClientError(thrown: unknown): { readonly code: HttpErrorCode; readonly message: string } {
  const { code } = toError(thrown) as NodeJS.ErrnoException;
  if (code === "HPE_HEADER_OVERFLOW") {
    return { code: "HEADERS_TOO_LARGE", message: "the request line and headers are too large" };
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { code: "REQUEST_TIMEOUT", message: "the request did not arrive in time" };
  }
  if (code === "HPE_INVALID_METHOD") {
    return { code: "MALFORMED_REQUEST", message: "the request does not begin with a method that HTTP knows" };
  }
  return { code: "MALFORMED_REQUEST", message: "this is not a valid HTTP request" };
}
