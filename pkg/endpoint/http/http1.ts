// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";

import { toError } from "../../base/mod.ts";
import type { Logger } from "../../base/mod.ts";
import type { BodyReader } from "./body.ts";
import type { CrossOrigin } from "./cors.ts";
import { badHttp1Head, refuseHttp1 } from "./bad-head.ts";
import { writeBareAnswer } from "./bare-answer.ts";
import { TEXT_TYPE } from "./error-response.ts";
import type { HttpExchange, HttpHandler } from "./exchange.ts";
import { HTTP_ERRORS } from "./http-error.ts";
import type { HttpErrorCode } from "./http-error.ts";

/** Bounds of HTTP/1.1 connections; times in milliseconds. */
export interface Http1Options {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxHeaderBytes: number;
}

export interface Http1Context {
  readonly handle: HttpHandler;
  readonly bodies: BodyReader;
  /** While true, each answer asks the client to close the connection. */
  readonly isDraining: () => boolean;
  readonly crossOrigin: CrossOrigin | undefined;
  /** Those requests go to `upgrade`, with their connections; any other upgrade is passed over. */
  readonly isUpgrade: (request: IncomingMessage) => boolean;
  /** Never throws. */
  readonly upgrade: (request: IncomingMessage, connection: Socket, head: Buffer) => void;
  readonly logger: Logger;
}

/** How often connections are looked over for those that exceeded a time-out. */
const CHECK_INTERVAL_MS = 1_000;

/** An HTTP/1.1 server. Node bounds how long headers and bodies may take; what it finds malformed is answered here. */
export function createHttp1Server(context: Http1Context, options: Http1Options): Server {
  const server = createServer({
    headersTimeout: Math.min(options.headersTimeoutMs, options.requestTimeoutMs),
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, options.headersTimeoutMs),
    maxHeaderSize: options.maxHeaderBytes,
    shouldUpgradeCallback: context.isUpgrade,
  });
  // Nor is a client waited for that does not read its answer.
  server.timeout = options.idleTimeoutMs;
  const connections = new WeakMap<Duplex, Connection>();

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.get(request.socket) ?? { latest: request, open: 0, ended: false };
    connections.set(request.socket, connection);
    if (connection.ended) return;
    const bad = badHttp1Head(request);
    if (bad !== undefined) {
      connection.ended = true;
      refuseHttp1(response, bad);
      return;
    }
    connection.latest = request;
    connection.open++;
    const exchange = new Http1Exchange(request, response, context);
    const answered = context.handle(exchange).then(() => void connection.open--);
    answered.catch((error: unknown) => {
      context.logger.error("answer could not be written", { error });
      response.destroy();
    });
  };

  server.on("request", serve);
  // A client that asks first is told to go on when the body is wanted, or gets its refusal without having sent it.
  server.on("checkContinue", serve);
  server.on("upgrade", (request: IncomingMessage, connection: Socket, head: Buffer) => {
    // Behind requests that are still being answered, whose answers would come in between, is no place to begin.
    const bad = badHttp1Head(request);
    const { open = 0, ended = false } = connections.get(connection) ?? {};
    if (open > 0 || ended) connection.destroy();
    else if (bad !== undefined) writeBareAnswer(connection, bad);
    else context.upgrade(request, connection, head);
  });
  server.on("clientError", (error, socket) => {
    const connection = connections.get(socket);
    if (connection?.ended !== true) answerClientError(error, socket, connection);
  });
  return server;
}

/** What is under way on a connection: requests may be pipelined. */
interface Connection {
  latest: IncomingMessage;
  open: number;
  /** It closes with the answer to a request with a bad head: what follows on it is not read. */
  ended: boolean;
}

class Http1Exchange implements HttpExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: Http1Context;

  constructor(request: IncomingMessage, response: ServerResponse, context: Http1Context) {
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
    return this.#context.bodies.read(this.#request);
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
    else this.#response.once("close", listener);
  }

  onCancel(listener: () => void): void {
    const response = this.#response;
    if (response.destroyed) return listener();
    response.once("close", () => {
      if (!response.writableEnded) listener();
    });
  }

  begin(status: number, headers: readonly string[]): Writable | undefined {
    const response = this.#response;
    if (response.destroyed) return undefined;
    // A client that asked whether to send its body, and was refused, may send it or not: only a new connection is sure.
    const isUnsure = this.#request.headers.expect !== undefined && !this.#request.complete;
    const all = [...headers];
    const { crossOrigin } = this.#context;
    if (crossOrigin !== undefined) all.push(...crossOrigin.headers(this.#request.headers));
    if (isUnsure || this.#context.isDraining()) all.push("connection", "close");
    response.writeHead(status, all);
    return response;
  }

  /** Node bounds how long it may go on. */
  discardBody(): void {
    if (!this.#request.complete) this.#request.removeAllListeners("data").resume();
  }

  abort(): void {
    this.#response.destroy();
  }

  #inviteBody(): void {
    if (this.#request.headers.expect !== undefined) this.#response.writeContinue();
  }
}

/** A request that Node could not read. It is answered only if the answer cannot be taken for that of another one. */
function answerClientError(thrown: unknown, socket: Duplex, connection: Connection | undefined): void {
  if (!socket.writable || !isAnswerable(connection)) {
    socket.destroy();
    return;
  }
  const { code, message } = translateClientError(thrown);
  const { status } = HTTP_ERRORS[code];
  writeBareAnswer(socket, { status, contentType: TEXT_TYPE, errorCode: code, body: message });
}

/** Either nothing is open, or it is the one request whose rest is still awaited. */
function isAnswerable(connection: Connection | undefined): boolean {
  if (connection === undefined) return true;
  return connection.latest.complete ? connection.open === 0 : connection.open === 1;
}

function translateClientError(thrown: unknown): { readonly code: HttpErrorCode; readonly message: string } {
  const { code } = toError(thrown) as NodeJS.ErrnoException;
  if (code === "HPE_HEADER_OVERFLOW") {
    return { code: "HEADERS_TOO_LARGE", message: "the request line and headers are too large" };
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { code: "REQUEST_TIMEOUT", message: "the request did not arrive in time" };
  }
  return { code: "MALFORMED_REQUEST", message: "this is not a valid HTTP request" };
}
