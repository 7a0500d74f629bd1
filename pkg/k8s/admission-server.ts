// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";

import { sleep } from "../base/mod.ts";
import type { Clock, Logger } from "../base/mod.ts";

import type { Certificates } from "./certificates.ts";
import { K8sError } from "./k8s-error.ts";

export interface AdmissionOptions {
  readonly host: string;
  readonly port: number;
  /** Largest question: an object, and what it was before. */
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  /** From the first byte of a question to the last. */
  readonly requestTimeoutMs: number;
}

export interface AdmissionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The answer to a question in JSON; undefined if it is none. */
  readonly answer: (question: unknown) => object | undefined;
  /** Why we are not ready; undefined if we are. */
  readonly problem: () => string | undefined;
}

/** The API server lets a connection rest for 90 s. If we closed it first, a question could meet the closing. */
const IDLE_TIMEOUT_MS = 120_000;

const TOO_LARGE = 413;

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * The HTTPS port that the API server asks at: `POST /admit` with an AdmissionReview, and `/livez` and `/readyz` for the
 * kubelet. Certificates are exchanged while it serves. A question that is too large, late or no question, and an error
 * in an answer, end that question alone (I12).
 */
export class AdmissionServer {
  readonly #server: Server;
  readonly #options: AdmissionOptions;
  readonly #deps: AdmissionDeps;
  #isClosing = false;

  /** @param certificates to begin with. */
  constructor(options: AdmissionOptions, deps: AdmissionDeps, certificates: Certificates) {
    this.#options = options;
    this.#deps = deps;
    const { requestTimeoutMs } = options;
    this.#server = createServer(
      {
        cert: certificates.cert,
        key: certificates.key,
        minVersion: "TLSv1.3",
        handshakeTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: IDLE_TIMEOUT_MS,
        connectionsCheckingInterval: Math.min(requestTimeoutMs, 1_000),
        maxHeaderSize: 16_384,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = options.maxConnections;
    // What is no TLS, or no HTTP, concerns its sender only.
    this.#server.on("tlsClientError", () => undefined);
    this.#server.on("clientError", (_error, socket) => void socket.destroy());
  }

  /**
   * @returns the port.
   * @throws K8sError `WEBHOOK_PORT_UNUSABLE`
   */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void => {
        reject(new K8sError("WEBHOOK_PORT_UNUSABLE", `${host}:${port} cannot be opened`, { cause }));
      };
      this.#server.once("error", fail);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", fail);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** New connections meet these certificates. */
  setCertificates({ cert, key }: Certificates): void {
    this.#server.setSecureContext({ cert, key, minVersion: "TLSv1.3" });
  }

  /** Sends who asks now elsewhere with his next question; serves him all the same. */
  letGo(): void {
    this.#isClosing = true;
  }

  /** Takes no new questions, and lets those that are there finish. */
  async close(withinMs: number): Promise<void> {
    this.letGo();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await Promise.race([closed, sleep(this.#deps.clock, withinMs)]);
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = await this.#reply(request).catch((error: unknown) => {
      this.#deps.logger.error("a question could not be answered", { error });
      return text(500, "internal error, see the log");
    });
    // The rest of a body that is too large is not waited for.
    const isLast = this.#isClosing || reply.status === TOO_LARGE;
    response.on("error", () => undefined);
    response.writeHead(reply.status, {
      "content-type": reply.type,
      "content-length": Buffer.byteLength(reply.body),
      ...(isLast && { connection: "close" }),
    });
    response.end(reply.body);
  }

  async #reply(request: IncomingMessage): Promise<Reply> {
    const path = (request.url ?? "/").replace(/\?.*/s, "");
    switch (path) {
      case "/livez":
        return text(200, "ok");
      case "/readyz": {
        const problem = this.#isClosing ? "about to end" : this.#deps.problem();
        return problem === undefined ? text(200, "ok") : text(503, problem);
      }
      case "/admit":
        return request.method === "POST" ? this.#admit(request) : text(405, "only POST");
      default:
        return text(404, "there are /admit, /livez and /readyz");
    }
  }

  async #admit(request: IncomingMessage): Promise<Reply> {
    const body = await this.#body(request);
    if (body === undefined)
      return text(TOO_LARGE, `a question has at most ${this.#options.maxBodyBytes} bytes`);
    const question = parse(body);
    const answer = question === undefined ? undefined : this.#deps.answer(question);
    if (answer === undefined) return text(400, "this is no AdmissionReview of admission.k8s.io/v1");
    return { status: 200, type: "application/json", body: JSON.stringify(answer) };
  }

  /** Undefined if it is too large. */
  async #body(request: IncomingMessage): Promise<string | undefined> {
    const { maxBodyBytes } = this.#options;
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) return undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;
    // Left early it goes on existing, so that the refusal can be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function text(status: number, line: string): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}
