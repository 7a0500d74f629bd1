// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:https";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Acceptors, Charge, Clock, Holder } from "../../base/mod.ts";
import { listenTogether, showAllFields, sleep, Turns } from "../../base/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import { parseJson } from "../api/json.ts";
import { K8sError } from "../api/k8s-error.ts";
import type { Certificates } from "../certificates/certificates.ts";
import { onceClientHello } from "./client-hello.ts";
import type { PeerConnection } from "./peers.ts";
import { Peers } from "./peers.ts";
import type { BodyLimits, BodyProblem } from "./review-body.ts";
import { readBody, refusedAtOnce } from "./review-body.ts";
import { SlicedSocket } from "./sliced-socket.ts";

export interface AdmissionOptions {
  readonly host: string;
  readonly port: number;
  /** Largest question. A question is an AdmissionReview: an object and, for a change, its old version. */
  readonly maxBodyBytes: number;
  /** Bytes of all questions and answers under way. One address has at most half of them, one connection a quarter. */
  readonly maxPendingBytes: number;
  /** How deep lists and objects of a question may be nested. */
  readonly maxJsonDepth: number;
  /** Keys and values of a question. */
  readonly maxJsonValues: number;
  /** One address has at most half of them. */
  readonly maxConnections: number;
  /** How long each may take: a handshake, the first byte of the first question, a whole question, and an answer. */
  readonly requestTimeoutMs: number;
}

export interface AdmissionDependencies {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Decides a parsed question. Returns the answer as a JSON object; undefined if it is no AdmissionReview. */
  readonly answer: (question: unknown) => object | undefined;
  /** Why the webhook is not ready; undefined if it is. */
  readonly problem: () => string | undefined;
}

/** Why a request gets an error in place of an answer: the first word of the body, also sent as `perdure-error-code`. */
export type AdmissionAnswerCode =
  | "NOT_A_REVIEW"
  | "REVIEW_LENGTH_MISSING"
  | "REVIEW_TOO_COMPLEX"
  | "REVIEW_TOO_LARGE"
  | "WEBHOOK_FAILED"
  | "WEBHOOK_OVERLOADED";

/** Longer than the 90 s that the API server keeps an idle connection, so that no question meets one that we close. */
const IDLE_TIMEOUT_MS = 120_000;

/** The API server sends fewer than 1,000 bytes of headers. */
const MAX_HEADER_BYTES = 8_192;

/** How often the server checks its connections for exceeded time-outs. */
const CHECK_INTERVAL_MS = 1_000;

/** Reads in each turn of the event loop. A read has up to 64 KiB, which take up to 0.3 ms to decrypt. */
const READS_IN_TURN = 4;

/** TLS handshakes that are answered in each turn of the event loop. Each takes it one to three milliseconds. */
const HANDSHAKES_IN_TURN = 2;

/** How long a refused sender has to read the refusal, in milliseconds. */
const LINGER_MS = 200;

/** Makes the API server repeat the question itself, within the time-out of its call. */
const RETRY_AFTER_S = "1";

/** A connection whose handshake is done. */
interface Connection {
  readonly socket: SlicedSocket;
  readonly address: string;
  readonly bytes: Holder;
  /** From the head of a request until its answer is written. */
  isBusy: boolean;
  /** Resolves when the system has taken the last answer. The client may have read it, and asked again, before that. */
  flushed: Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly code?: AdmissionAnswerCode;
}

/**
 * The HTTPS server of the webhook. The API server sends questions by `POST /admit`, and the kubelet calls `/livez` and
 * `/readyz`. Certificates can be replaced while it serves.
 *
 * Every program in the cluster may reach it, and while it does not answer, no stateful pod is created. So:
 *
 * 1. A question that is too large, late or malformed, or whose answer fails, affects no other question (I12).
 * 2. One account counts the bytes of all questions and answers, and a question that would exceed it is refused (I11).
 *    One address has at most half of the account, so that other addresses are answered beside it.
 * 3. A question that would take too much memory once it is parsed is refused before it is parsed.
 * 4. Connections are bounded, and counted before their handshake. One address has at most half of them.
 * 5. A connection has one request at a time: one that sends another before the answer is closed. The API server and the
 *    kubelet wait for the answer.
 * 6. In each turn of the event loop one question is decided, `READS_IN_TURN` reads are made, and `HANDSHAKES_IN_TURN`
 *    handshakes are answered, of clients who name a key that we know. Addresses take turns. A connection that waits has
 *    sent at most what Node reads at once, 64 KiB.
 * 7. Each step that a sender may leave unfinished (a handshake, headers, a body, the reading of an answer) has a
 *    time-out.
 */
export class AdmissionServer {
  readonly #server: Server;
  readonly #options: AdmissionOptions;
  readonly #limits: BodyLimits;
  readonly #dependencies: AdmissionDependencies;
  readonly #peers: Peers;
  readonly #turns = new Turns<string>(1);
  readonly #reads = new Turns<string>(READS_IN_TURN);
  readonly #handshakes = new Turns<string>(HANDSHAKES_IN_TURN);
  /** By address and port of the peer, because a TLS socket does not reveal the TCP socket below it. */
  readonly #accepted = new Map<string, PeerConnection>();
  readonly #connections = new WeakMap<Duplex, Connection>();
  #acceptors: Acceptors | undefined;
  #isClosing = false;

  /** @param certificates to begin with. */
  constructor(options: AdmissionOptions, dependencies: AdmissionDependencies, certificates: Certificates) {
    this.#options = options;
    this.#dependencies = dependencies;
    const { requestTimeoutMs, maxBodyBytes, maxJsonDepth: maxDepth, maxJsonValues: maxValues } = options;
    this.#limits = { maxBodyBytes, maxDepth, maxValues };
    this.#peers = new Peers(options.maxConnections, options.maxPendingBytes);
    this.#server = createServer(
      {
        cert: certificates.cert,
        key: certificates.key,
        minVersion: "TLSv1.3",
        // Not HTTP/2, which would let one connection carry many requests at a time. The API server does not need it.
        ALPNProtocols: ["http/1.1"],
        handshakeTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: IDLE_TIMEOUT_MS,
        connectionsCheckingInterval: Math.min(requestTimeoutMs, CHECK_INTERVAL_MS),
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) => void this.#serve(request, response),
    );
    showAllFields(this.#server);
    // The longest time without a byte read or written while a request is under way.
    this.#server.timeout = requestTimeoutMs;
    const handshakes = this.#server.listeners("connection") as ((socket: Socket) => void)[];
    this.#server.removeAllListeners("connection").on("connection", (socket: Socket) =>
      this.#accept(socket, () => {
        for (const begin of handshakes) begin.call(this.#server, socket);
      }),
    );
    this.#slice();
    // A malformed TLS or HTTP request closes only its own connection.
    this.#server.on("tlsClientError", () => undefined);
    this.#server.on("clientError", (_error, socket) => void socket.destroy());
  }

  /**
   * @returns the port.
   * @throws K8sError `WEBHOOK_PORT_UNUSABLE`
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    // Several sockets, because a single one would accept one connection in each turn, however many wait before it.
    const take = (socket: Socket): void => void this.#server.emit("connection", socket);
    this.#acceptors = await listenTogether(this.#server, { host, port }, take).catch((cause: unknown) => {
      throw new K8sError("WEBHOOK_PORT_UNUSABLE", `${host}:${port} cannot be opened`, { cause });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** Open connections and bytes in use: for tests, which check that all of them are given back. */
  get pending(): { readonly connections: number; readonly bytes: number } {
    return { connections: this.#peers.connections, bytes: this.#peers.bytes };
  }

  /** Serves these certificates to new connections. */
  setCertificates({ cert, key }: Certificates): void {
    this.#server.setSecureContext({ cert, key, minVersion: "TLSv1.3" });
  }

  /** Adds `Connection: close` to every answer and fails `/readyz`, so that clients reconnect to another replica. */
  letGo(): void {
    this.#isClosing = true;
  }

  /** Takes no new questions, and lets running ones finish within `withinMs` milliseconds. */
  async close(withinMs: number): Promise<void> {
    this.letGo();
    const closed = Promise.all([
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
      this.#acceptors?.close(),
    ]);
    this.#server.closeIdleConnections();
    await Promise.race([closed, sleep(this.#dependencies.clock, withinMs)]);
    this.#server.closeAllConnections();
    await closed;
  }

  #accept(socket: Socket, shakeHands: () => void): void {
    const key = keyOf(socket);
    const address = socket.remoteAddress ?? "";
    const connection = this.#peers.connect(address);
    if (key === undefined || connection === undefined) {
      connection?.close();
      socket.destroy();
      return;
    }
    this.#accepted.set(key, connection);
    socket.once("close", () => {
      this.#accepted.delete(key);
      connection.close();
    });
    const begin = (): boolean => {
      if (socket.destroyed) return false;
      socket.setTimeout(0);
      shakeHands();
      return true;
    };
    // (6) Without turns, a thousand connections that say hello at once would hold the event loop for seconds.
    onceClientHello(socket, () => {
      if (this.#handshakes.begin()) begin();
      else this.#handshakes.wait(address, begin);
    });
    // TLS answers the end of its peer's side by its own.
    socket.allowHalfOpen = false;
    // (7) Node bounds the time of a handshake from its beginning.
    socket.setTimeout(this.#options.requestTimeoutMs, () => socket.destroy());
    socket.on("error", () => undefined);
  }

  /** Puts a `SlicedSocket` between each TLS socket and the HTTP server. */
  #slice(): void {
    const serveHttp = this.#server.listeners("secureConnection") as ((socket: Duplex) => void)[];
    this.#server.removeAllListeners("secureConnection");
    this.#server.on("secureConnection", (socket) => {
      const connection = this.#accepted.get(keyOf(socket) ?? "");
      const address = socket.remoteAddress;
      if (connection === undefined || address === undefined) {
        socket.destroy();
        return;
      }
      const sliced = new SlicedSocket(socket, (read) => {
        if (this.#reads.begin()) read();
        else this.#reads.wait(address, read);
      });
      this.#connections.set(sliced, {
        socket: sliced,
        address,
        bytes: connection.bytes,
        isBusy: false,
        flushed: Promise.resolve(),
      });
      for (const serve of serveHttp) serve.call(this.#server, sliced);
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.isBusy) {
      request.socket.destroy();
      return;
    }
    const { socket, bytes } = connection;
    connection.isBusy = true;
    const charge = bytes.charge();
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const answerBefore = connection.flushed;
    connection.flushed = new Promise((resolve) => {
      response.on("close", () => {
        charge.close();
        resolve();
      });
    });
    await answerBefore;
    const reply = await this.#reply(request, connection, charge).catch((error: unknown) => {
      if (!socket.destroyed)
        this.#dependencies.telemetry.logger.error("a question could not be answered", { error });
      return refusal(500, "WEBHOOK_FAILED", "internal error, see the log");
    });
    if (socket.destroyed) return;
    // A request that was refused early may be complete by now. Its socket is stopped, so no request after it is read.
    const isCut = !request.complete || socket.isStopped;
    if (isCut) this.#linger(socket);
    const isLast = this.#isClosing || isCut;
    connection.isBusy = false;
    this.#send(response, charge.take(Buffer.byteLength(reply.body)) ? reply : this.#overloaded(), isLast);
  }

  #send(response: ServerResponse, { status, type, body, code }: Reply, isLast: boolean): void {
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(body),
      ...(code !== undefined && { "perdure-error-code": code }),
      ...(code === "WEBHOOK_OVERLOADED" && { "retry-after": RETRY_AFTER_S }),
      ...(isLast && { connection: "close" }),
    });
    response.end(body);
  }

  /**
   * Closes a connection whose request was not read to its end, after a delay. Closing it at once would reset it, and
   * the reset could destroy the answer. Reading the rest would waste work and memory.
   */
  #linger(socket: SlicedSocket): void {
    socket.stop();
    const timer = this.#dependencies.clock.schedule(LINGER_MS, () => void socket.destroy());
    socket.once("close", () => timer.cancel());
  }

  async #reply(request: IncomingMessage, connection: Connection, charge: Charge): Promise<Reply> {
    const path = (request.url ?? "/").replace(/\?.*/s, "");
    switch (path) {
      case "/livez":
        return text(200, "ok");
      case "/readyz": {
        const problem = this.#isClosing ? "about to end" : this.#dependencies.problem();
        return problem === undefined ? text(200, "ok") : text(503, problem);
      }
      case "/admit":
        return request.method === "POST" ? this.#admit(request, connection, charge) : text(405, "only POST");
      default:
        return text(404, "there are /admit, /livez and /readyz");
    }
  }

  async #admit(request: IncomingMessage, { socket, address }: Connection, charge: Charge): Promise<Reply> {
    const problem = refusedAtOnce(request, this.#limits, charge);
    if (problem !== undefined) {
      socket.stop();
      return this.#refused(problem);
    }
    socket.isInBody = true;
    const body = await readBody(request, this.#limits, charge);
    socket.isInBody = false;
    if (typeof body !== "string") return this.#refused(body.problem);
    await this.#turns.take(address);
    // The sender is gone, so the work would be for nothing.
    if (socket.destroyed) return text(499, "gone");
    const question = parseJson(body);
    const answer = question === undefined ? undefined : this.#dependencies.answer(question);
    if (answer === undefined)
      return refusal(400, "NOT_A_REVIEW", "this is no AdmissionReview of admission.k8s.io/v1");
    return { status: 200, type: "application/json", body: JSON.stringify(answer) };
  }

  #refused(problem: BodyProblem): Reply {
    const { maxBodyBytes, maxJsonDepth, maxJsonValues } = this.#options;
    switch (problem) {
      case "no length":
        return refusal(411, "REVIEW_LENGTH_MISSING", "a question says its length in content-length");
      case "too large":
        return refusal(413, "REVIEW_TOO_LARGE", `a question has at most ${maxBodyBytes} bytes`);
      case "depth":
        return refusal(413, "REVIEW_TOO_COMPLEX", `lists and objects are at most ${maxJsonDepth} deep`);
      case "values":
        return refusal(413, "REVIEW_TOO_COMPLEX", `a question has at most ${maxJsonValues} keys and values`);
      case "overloaded":
        return this.#overloaded();
    }
  }

  #overloaded(): Reply {
    const { maxPendingBytes } = this.#options;
    const why = `of the ${maxPendingBytes} bytes for all questions too few are left for this one: send it again`;
    return refusal(503, "WEBHOOK_OVERLOADED", why);
  }
}

/** Undefined if the other side is gone. */
function keyOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}

function refusal(status: number, code: AdmissionAnswerCode, why: string): Reply {
  return { ...text(status, `${code}: ${why}`), code };
}

function text(status: number, line: string): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}
