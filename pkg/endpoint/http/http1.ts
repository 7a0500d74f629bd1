// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";

import { showAllFields, toError } from "../../base/mod.ts";
import type { Caller } from "../../grpc/mod.ts";
import { headBytes, OpenRequest, StreamHold } from "../../grpc/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { RefusalListener } from "../answered-request.ts";
import type { EndpointOptions } from "../options.ts";
import { badHttp1Head, refusal, refusedTunnel, refuseHttp1, unknownExpectation } from "./bad-head.ts";
import { writeBareAnswer } from "./bare-answer.ts";
import type { BodyReader } from "./body.ts";
import type { CrossOrigin } from "./cors.ts";
import type { HttpExchange, HttpHandler, HttpResponse } from "./exchange.ts";
import { HttpError } from "./http-error.ts";

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
  readonly onRefused: RefusalListener;
  readonly telemetry: Telemetry;
}

/** The statuses of `ENDPOINT_OVERLOADED` and `TOO_MANY_PIECES`. */
const CUT_OFF = [503, 429];

/** How many bytes of a request that was refused so are still read: unread bytes may cost its client the answer. */
const MAX_DISCARDED_BYTES = 65_536;

/** How often connections are looked over for those that exceeded a time-out. */
const CHECK_INTERVAL_MS = 1_000;

/** A connection without a request is closed so much later than its client was told, who may still send one. */
const IDLE_GRACE_MS = 1_000;

/** Requests that may wait on one connection for their turn; a client that sends more at once is cut off. */
const MAX_PIPELINED = 32;

/**
 * An HTTP/1.1 server.
 *
 * 1. Requests that come on one connection without waiting for answers (pipelining) are carried out one after the other:
 *    the next one when the peer has taken the answer before it, so a peer that does not read makes no further work.
 * 2. Waiting requests are bounded, and counted in their caller's share with what has come of their bodies (I11). Beyond
 *    that the connection is cut off, because no answer could be sent before those that are due.
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
    // A request without a body is no stream that has to end, which costs a read a tenth of its time.
    optimizeEmptyRequests: true,
  });
  showAllFields(server);
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
      context.onRefused(request, bad);
      return;
    }
    connection.latest = request;
    if (request.headers["transfer-encoding"] !== undefined) dropTrailers(request);
    const head = headBytes(request.rawHeaders) + (request.url?.length ?? 0);
    const open = new OpenRequest(context.callerOf(socket), head);
    const start = (): void => {
      connection.isBusy = true;
      // Node emits it once. `once` would make further objects for each request.
      response.on("close", () => {
        open.close();
        connection.isBusy = false;
        connection.waiting.shift()?.start();
      });
      context.handle(new Http1Exchange(request, response, open, all)).catch((error: unknown) => {
        context.telemetry.logger.error("answer could not be written", { error });
        response.destroy();
      });
    };
    if (!connection.isBusy) return start();
    // (1) Node does not report the end of an answer that had not begun. The connection's end closes such a request.
    connection.waiting.push({
      start: startHeld(request, open, start, () => cutOff(socket, connection)),
      open,
    });
    // (2)
    if (open.refusal !== undefined || connection.waiting.length > MAX_PIPELINED) cutOff(socket, connection);
  };

  server.on("request", (request, response) => serve(request, response));
  // A client that sends `expect: 100-continue` gets 100 when the body is wanted, or else a refusal before it.
  server.on("checkContinue", (request, response) => serve(request, response));
  server.on("checkExpectation", (request, response) =>
    serve(request, response, badHttp1Head(request) ?? unknownExpectation()),
  );
  serveTakeOvers(server, context, connections);
  server.on("clientError", (error, socket) => {
    const connection = connections.get(socket);
    if (connection?.ended === true) return;
    const answer = answerClientError(error, socket, connection);
    if (answer !== undefined) context.onRefused({}, answer);
  });
  return server;
}

/** Holds the body of a request that has to wait, so that it is counted and in one piece, until the request starts. */
function startHeld(
  request: IncomingMessage,
  open: OpenRequest,
  start: () => void,
  refuse: () => void,
): () => void {
  if (!hasBody(request)) return start;
  const hold = new StreamHold(request, open.bytes, open, () => {
    hold.drop();
    refuse();
  });
  hold.begin(undefined);
  return () => {
    hold.end();
    start();
  };
}

/** False if it is known that no body follows. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/**
 * Makes Node drop the trailers of a request as soon as they are whole. Nothing reads them, and 6 KB may be 1,000
 * fields, which would take 42 KiB until the turn of the request has come (I11).
 */
function dropTrailers(request: IncomingMessage): void {
  Object.defineProperty(request, "rawTrailers", {
    get: () => [],
    set(_: readonly string[]) {
      // Dropped.
    },
  });
}

/** Gives connections to `upgrade`, and refuses tunnels. */
function serveTakeOvers(
  server: Server,
  context: Http1Context,
  connections: WeakMap<Duplex, Connection>,
): void {
  const takeOver = (request: IncomingMessage, connection: Duplex, use: () => void): void => {
    // Not while requests on the connection are still being answered, because their answers would come in between.
    const bad = badHttp1Head(request);
    const { isBusy = false, ended = false } = connections.get(connection) ?? {};
    if (isBusy || ended) connection.destroy();
    else if (bad !== undefined) refuse(connection, request, bad);
    else use();
  };
  const refuse = (connection: Duplex, request: IncomingMessage, answer: HttpResponse): void => {
    writeBareAnswer(connection, answer);
    context.onRefused(request, answer);
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
  /** It closes, because a request had a bad head or too many were waiting. Later requests on it are ignored. */
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
    return hasBody(this.#request);
  }

  async readBody(): Promise<Buffer> {
    this.#context.bodies.checkLength(this.#request.headers["content-length"]);
    this.#inviteBody();
    return this.#context.bodies.read(this.#request, this.request.bytes, this.request);
  }

  get gone(): boolean {
    return this.#response.destroyed;
  }

  get unopenedBody(): Readable {
    return this.#request;
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
    // A client that asked whether to send its body, and was refused, may still send it: only a new connection is clear.
    const isUnsure = this.#request.headers.expect !== undefined && !this.#request.complete;
    const all = [...headers];
    const { crossOrigin, keepAlive } = this.#context;
    if (crossOrigin !== undefined) all.push(...crossOrigin.headers(this.#request.headers));
    this.#isCut = CUT_OFF.includes(status) && !this.#request.complete;
    if (isUnsure || this.#isCut || this.#context.isDraining()) all.push("connection", "close");
    else if (response.shouldKeepAlive) all.push("keep-alive", keepAlive);
    response.writeHead(status, all);
    return response;
  }

  /**
   * Drops the rest of the body; Node bounds how long that may take. If the request was refused as overloaded, or for
   * its pieces, the rest is not read to its end: the connection is closed when the client has had a chance to read the
   * reason.
   */
  discardBody(): void {
    const request = this.#request;
    if (request.complete) return;
    request.removeAllListeners("data").resume();
    let rest = MAX_DISCARDED_BYTES;
    request.on("data", (chunk: Buffer) => {
      rest -= chunk.length;
      if (this.#isCut ? rest < 0 : !this.request.takePieces(1, chunk.length, 0)) request.socket.destroy();
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
  const answer = refusal(clientError(thrown));
  writeBareAnswer(socket, answer);
  return answer;
}

/** Whether no request is open, or only the one whose rest is still awaited. */
function isAnswerable(connection: Connection | undefined): boolean {
  if (connection === undefined) return true;
  const { latest, isBusy, waiting } = connection;
  return waiting.length === 0 && (latest.complete ? !isBusy : isBusy);
}

function clientError(thrown: unknown): HttpError {
  const { code = "" } = toError(thrown) as NodeJS.ErrnoException;
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new HttpError("HEADERS_TOO_LARGE", "the request line and headers are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HttpError("REQUEST_TIMEOUT", "the request did not arrive in time");
    case "HPE_INVALID_METHOD":
      return new HttpError("MALFORMED_REQUEST", "the request does not begin with a method that HTTP knows");
    default:
      return new HttpError("MALFORMED_REQUEST", "this is not a valid HTTP request");
  }
}
