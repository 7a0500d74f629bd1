// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { WebSocket, WebSocketServer } from "ws";

import type { Clock } from "../../base/mod.ts";
import { ExpiryQueue } from "../../base/mod.ts";
import type { Caller, ServerContext, StatusError } from "../../grpc/mod.ts";
import { headBytes, OpenRequest } from "../../grpc/mod.ts";

import type { RefusalListener } from "../answered-request.ts";
import { proxyStopping } from "../endpoint-error.ts";
import { writeBareAnswer } from "../http/bare-answer.ts";
import type { CrossOrigin } from "../http/cors.ts";
import { errorResponse } from "../http/error-response.ts";
import { HttpError, overloaded } from "../http/http-error.ts";
import { knownSubprotocol, readHandshake, VERSION } from "./handshake.ts";
import type { WebSocketMethods } from "./methods.ts";
import { WebSocketCall } from "./web-socket-call.ts";

export interface WebSocketsOptions {
  /** The methods of the current specification. @throws the caller's error if nothing is served. */
  readonly methods: () => WebSocketMethods;
  /** Why a method is announced and not served; undefined if it is not announced. */
  readonly refusalOf: (path: string) => StatusError | undefined;
  readonly callerOf: (socket: Socket) => Caller;
  readonly calls: ServerContext;
  readonly crossOrigin: CrossOrigin | undefined;
  readonly clock: Clock;
  /** Silence after which a caller is pinged, in milliseconds. After the same time again its connection is broken. */
  readonly keepAliveMs: number;
  /** A connection on which nothing moves in either direction is broken after this, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Called for refused handshakes; `calls` reports the calls. */
  readonly onRefused: RefusalListener;
}

/** Turns connections of HTTP/1.1 into WebSockets (RFC 6455), and each of those into one call. */
export class WebSockets {
  readonly #options: WebSocketsOptions;
  readonly #calls = new Set<WebSocketCall>();
  readonly #silence: ExpiryQueue<WebSocketCall>;
  #server: WebSocketServer | undefined;
  #stopping = false;

  constructor(options: WebSocketsOptions) {
    this.#options = options;
    this.#silence = new ExpiryQueue(options.clock, options.keepAliveMs, (call) => {
      if (call.silent()) this.#silence.touch(call);
    });
  }

  /** Open WebSockets. */
  get size(): number {
    return this.#calls.size;
  }

  /** Takes over a request for a WebSocket, and its connection. */
  async upgrade(request: IncomingMessage, connection: Socket, head: Buffer): Promise<void> {
    const { crossOrigin, callerOf, calls, methods, refusalOf } = this.#options;
    try {
      const server = (this.#server ??= await this.#load());
      if (this.#stopping) throw proxyStopping();
      const handshake = readHandshake(request, methods(), refusalOf, crossOrigin);
      const open = new OpenRequest(callerOf(connection), headBytes(request.rawHeaders));
      if (open.refusal !== undefined) throw overloaded();
      connection.once("close", () => open.close());
      server.handleUpgrade(request, connection, head, (socket) => {
        const call = new WebSocketCall(calls, open, handshake, socket, connection);
        this.#keep(call, socket, connection);
        call.start(handshake.handler);
      });
    } catch (error) {
      this.#refuse(connection, request, error);
    }
  }

  /** Refuses new WebSockets from now on; open ones stay open. */
  stop(): void {
    this.#stopping = true;
  }

  /** Ends what is still open. */
  goAway(): void {
    for (const call of this.#calls) call.goAway();
  }

  #refuse(connection: Duplex, request: IncomingMessage, error: unknown): void {
    const answer = errorResponse(error, request.headers.accept, this.#options.calls.options.telemetry.logger);
    const headers = [...(answer.headers ?? []), "sec-websocket-version", VERSION];
    writeBareAnswer(connection, { ...answer, headers });
    this.#options.onRefused(request, answer);
  }

  /** Loads the library for the first WebSocket: most proxies never have one, and it would slow every start. */
  async #load(): Promise<WebSocketServer> {
    const ws = await import("ws");
    const server = new ws.WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Compression would take memory per connection, and time, for messages that are rarely longer than a frame.
      perMessageDeflate: false,
      maxPayload: this.#options.calls.options.maxReceiveBytes,
      handleProtocols: (names) => knownSubprotocol(names) ?? false,
    });
    server.on("wsClientError", ({ message }, connection, request) =>
      this.#refuse(connection, request, new HttpError("MALFORMED_REQUEST", message)),
    );
    return server;
  }

  #keep(call: WebSocketCall, socket: WebSocket, connection: Socket): void {
    this.#calls.add(call);
    this.#silence.touch(call);
    connection.on("data", () => this.#silence.touch(call));
    connection.setTimeout(this.#options.idleTimeoutMs, () => call.terminate());
    socket.on("close", () => {
      this.#calls.delete(call);
      this.#silence.forget(call);
    });
  }
}
