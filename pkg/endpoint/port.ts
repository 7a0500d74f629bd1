// SPDX-License-Identifier: Apache-2.0

/**
 * One plaintext port for HTTP/1.1 and HTTP/2 with prior knowledge: the first bytes of a connection decide.
 *
 * 1. A connection that does not show its protocol in time is closed, and so is one of HTTP/2 without a first request.
 *    (HTTP/1.1 shows its protocol by its first request, whose time is bounded by Node.)
 * 2. A connection whose peer does not read its data is closed after a time.
 * 3. A connection without a request is closed after a longer time. (That of HTTP/1.1 is bounded by Node.)
 * 4. A connection that sends too many small pieces is closed.
 * 5. Draining ends idle connections at once, tells busy ones to finish, and in the end destroys what is left.
 */

import type { Server as Http1Server } from "node:http";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";

import type { Acceptors, Clock, Logger, Timer } from "../base/mod.ts";
import { ExpiryQueue, listenTogether } from "../base/mod.ts";
import type { Caller } from "../grpc/mod.ts";
import { assignCaller, endFlood } from "../grpc/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { Callers } from "./callers.ts";
import { ListenError } from "./listen-error.ts";
import type { EndpointOptions } from "./options.ts";
import type { HttpVersion } from "./sniff.ts";
import { sniff } from "./sniff.ts";
import type { UnreadOptions, UnreadState } from "./unread.ts";
import { lookForUnread } from "./unread.ts";

/** How often connections that became idle are looked for while connections drain, in milliseconds. */
const DRAIN_CHECK_MS = 50;

/** Refused connections are logged at most once in this time, in milliseconds, so that no flood fills the log. */
const WARN_INTERVAL_MS = 10_000;

/** How many times a connection is checked within the time that its peer has for reading, or for a request. */
const LOOKS = 4;

export interface PortServers {
  /** The one that listens; it must not be listening yet. */
  readonly http1: Http1Server;
  readonly http2: Http2Server;
  /** The same with few streams for each connection. */
  readonly curbedHttp2: Http2Server;
}

export type PortOptions = UnreadOptions &
  Pick<
    EndpointOptions,
    "httpPort" | "httpHost" | "maxConnections" | "firstRequestTimeoutMs" | "idleTimeoutMs"
  >;

/** An HTTP/2 connection. */
interface Session {
  readonly http2: ServerHttp2Session;
  readonly caller: Caller;
  /** How many checks in a row found no request since the check before. */
  quietLooks: number;
}

/** @throws ListenError if the port is not available. */
export async function openPort(
  servers: PortServers,
  options: PortOptions,
  callers: Callers,
  clock: Clock,
  telemetry: Telemetry,
): Promise<Port> {
  const port = new Port(servers, options, callers, clock, telemetry);
  await port.open();
  // Later errors concern single connections, for example when the machine runs out of file descriptors.
  servers.http1.on("error", (error) =>
    telemetry.logger.warn("a connection could not be accepted", { error }),
  );
  return port;
}

export class Port {
  readonly #servers: PortServers;
  readonly #serveHttp1: (socket: Socket) => void;
  readonly #options: PortOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #callers: Callers;
  #acceptors: Acceptors | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections that have not shown their protocol. */
  readonly #undecided = new Set<Socket>();
  /** Connections that have not made a request. */
  readonly #expiry: ExpiryQueue<Socket>;
  /** Connections of HTTP/2, by the time of the last check for requests. */
  readonly #idle: ExpiryQueue<Session>;
  #unread = new Map<Socket, UnreadState>();
  #nextLook: Timer | undefined;
  /** The connection that is being given to the HTTP/2 server at this moment, with its caller. */
  #handed: { readonly socket: Socket; readonly caller: Caller } | undefined;
  #isClosing = false;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(
    servers: PortServers,
    options: PortOptions,
    callers: Callers,
    clock: Clock,
    telemetry: Telemetry,
  ) {
    this.#callers = callers;
    this.#servers = servers;
    this.#options = options;
    this.#clock = clock;
    this.#logger = telemetry.logger;
    this.#expiry = new ExpiryQueue(clock, options.firstRequestTimeoutMs, (socket) => socket.destroy());

    this.#idle = new ExpiryQueue(clock, options.idleTimeoutMs / LOOKS, (session) =>
      this.#closeIfIdle(session),
    );

    // The HTTP/1.1 server itself listens, because only then does it enforce its time-outs. `#accept` takes the place
    // of its own connection listener, and calls that listener later.
    const { http1, http2, curbedHttp2 } = servers;
    const [serveHttp1] = http1.listeners("connection");
    this.#serveHttp1 = (socket) => serveHttp1?.call(http1, socket);
    http1.removeAllListeners("connection").on("connection", (socket: Socket) => this.#accept(socket));
    for (const server of [http2, curbedHttp2]) {
      server.on("session", (session) => {
        this.#assign(session);
        this.#sessions.add(session);
        session.once("close", () => this.#sessions.delete(session));
      });
      server.on("sessionError", (error) => telemetry.logger.debug("HTTP/2 connection failed", { error }));
    }
  }

  /** Use `openPort`. */
  async open(): Promise<void> {
    try {
      const { httpPort, httpHost } = this.#options;
      const address = { port: httpPort, host: httpHost };
      this.#acceptors = await listenTogether(this.#servers.http1, address, (socket) => this.#accept(socket));
    } catch (error) {
      throw listenError(error as NodeJS.ErrnoException, this.#options);
    }
  }

  /** The port that was taken, where 0 was asked for. */
  get port(): number {
    return (this.#servers.http1.address() as AddressInfo).port;
  }

  /** Connections of HTTP/2, and those that have not shown their protocol. */
  get connections(): { readonly http2: number; readonly undecided: number } {
    return { http2: this.#sessions.size, undecided: this.#undecided.size };
  }

  /** Stops accepting and resolves when the last connection is gone, after `drainMs` milliseconds at the latest. */
  async close(drainMs: number): Promise<void> {
    this.#isClosing = true;
    this.#nextLook?.cancel();
    this.#idle.clear();
    const closed = new Promise<void>((resolve) => this.#servers.http1.close(() => resolve()));
    const othersClosed = this.#acceptors?.close();
    for (const session of this.#sessions) session.close();
    for (const socket of this.#undecided) socket.destroy();
    this.#drainUntil(this.#clock.monotonicMs() + drainMs);
    await Promise.all([closed, othersClosed]);
  }

  #accept(socket: Socket): void {
    const caller = this.#callers.admit(socket);
    if (caller === undefined) {
      socket.destroy();
      return this.#warnOfDrop();
    }
    caller.pieces.onFlood = () => this.#endFlood(socket, () => socket.destroy());
    if (this.#callers.size === 1) this.#lookLater();
    this.#undecided.add(socket);
    this.#expiry.touch(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => {
      this.#undecided.delete(socket);
      this.#unread.delete(socket);
      this.#expiry.forget(socket);
    });
    sniff(socket, (version) => this.#handOver(socket, version));
  }

  #handOver(socket: Socket, version: HttpVersion): void {
    this.#undecided.delete(socket);
    if (version === "http2") {
      // An HTTP/2 client that has ended its side is gone. The HTTP/1.1 server handles that case by itself.
      socket.allowHalfOpen = false;
      // (1) Its first request has as much time again.
      this.#expiry.touch(socket);
      this.#handed = { socket, caller: this.#callers.of(socket) };
      const { http2, curbedHttp2 } = this.#servers;
      const server = this.#callers.isCurbed(socket) ? curbedHttp2 : http2;
      server.emit("connection", socket);
      this.#handed = undefined;
    } else {
      this.#expiry.forget(socket);
      this.#serveHttp1(socket);
      socket.resume();
    }
  }

  /** Gives a new session its caller. Node emits "session" while the connection is being given to the server. */
  #assign(session: ServerHttp2Session): void {
    if (this.#handed === undefined) return;
    const { socket, caller } = this.#handed;
    assignCaller(session, caller);
    caller.pieces.onFlood = () => this.#endFlood(socket, () => endFlood(session));
    const idle = { http2: session, caller, quietLooks: 0 };
    // (3) Not by the session's `setTimeout`, whose timer Node does not stop: it would keep the session all that time.
    if (!this.#isClosing) this.#idle.touch(idle);
    session.once("close", () => this.#idle.forget(idle));
    session.once("stream", () => {
      this.#expiry.forget(socket);
      this.#callers.use(socket);
    });
    // In one listener, because every stream pays for each.
    session.on("stream", () => {
      idle.quietLooks = 0;
      // Node emits streams even after their connection has closed. They are not served, so they count as given up.
      if (session.destroyed) caller.onGivenUp();
    });
  }

  #closeIfIdle(session: Session): void {
    const { requests, reserve } = session.caller;
    session.quietLooks = requests.used + reserve.used > 0 ? 0 : session.quietLooks + 1;
    if (session.quietLooks < LOOKS) this.#idle.touch(session);
    else session.http2.close();
  }

  /** (4) */
  #endFlood({ remoteAddress: peer, destroyed }: Socket, end: () => void): void {
    if (destroyed) return;
    this.#logger.warn("connection closed: it sends too many small pieces", { peer });
    end();
  }

  /** (2) */
  #lookForUnread(): void {
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#unread;
    this.#unread = new Map();
    for (const [socket, caller] of this.#callers.all) {
      const state = lookForUnread(seen.get(socket), caller, nowMs, this.#options);
      if (state === "stuck") {
        this.#logger.debug("connection closed: its peer does not read", { bytes: caller.bytes.used });
        socket.destroy();
      } else if (state !== "idle") this.#unread.set(socket, state);
    }
    if (this.#callers.size > 0) this.#lookLater();
  }

  #lookLater(): void {
    this.#nextLook?.cancel();
    // While the port closes, `#drainUntil` ends the connections that are left.
    if (this.#isClosing) return;
    this.#nextLook = this.#clock.schedule(this.#options.writeTimeoutMs / LOOKS, () => this.#lookForUnread());
  }

  #drainUntil(endMs: number): void {
    if (this.#callers.size === 0) return;
    this.#servers.http1.closeIdleConnections();
    const leftMs = endMs - this.#clock.monotonicMs();
    if (leftMs > 0) this.#clock.schedule(Math.min(leftMs, DRAIN_CHECK_MS), () => this.#drainUntil(endMs));
    else for (const [socket] of this.#callers.all) socket.destroy();
  }

  #warnOfDrop(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#warnedMs < WARN_INTERVAL_MS) return;
    this.#warnedMs = nowMs;
    const { maxConnections } = this.#options;
    this.#logger.warn("connections are refused: too many are open and busy", { maxConnections });
  }
}

function listenError(cause: NodeJS.ErrnoException, { httpPort, httpHost }: PortOptions): ListenError {
  if (cause.code === "EADDRINUSE") {
    const text = `port ${httpPort} is in use by another process; stop that process or choose another port with HTTP_PORT`;
    return new ListenError("ENDPOINT_PORT_IN_USE", text, { cause });
  }
  const text = `cannot listen on ${httpHost}, port ${httpPort}: ${cause.message}`;
  return new ListenError("ENDPOINT_LISTEN_FAILED", text, { cause });
}
