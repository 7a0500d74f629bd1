// SPDX-License-Identifier: Apache-2.0

/**
 * The port for those who run the proxy.
 *
 * 1. Only callers that a route's `reach` names get to it, and no web page unless it is for everyone.
 * 2. Connections, headers and times are bounded (I11); the kubelet is answered whatever other callers hold open.
 * 3. What a caller sends ends at most its own connection (I12).
 */

import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { CodedError, headProblem, listenTogether, toError } from "../../base/mod.ts";
import type { Logger } from "../../base/mod.ts";

import { isLocalProgram, refusal } from "./caller.ts";
import type { AdminRefusalCode, CallerFacts } from "./caller.ts";
import { AdminConnections } from "./connections.ts";
import type { AdminAnswer, AdminRoute } from "./routes.ts";

/** Times in milliseconds. */
export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  /** What routes of reach `secret` want to see; empty if there is none. */
  readonly secret: string;
  readonly maxConnections: number;
  /** From the opening of a connection, or the first byte of a request, to its last. */
  readonly requestTimeoutMs: number;
  /** Time without a request after which a connection is closed. */
  readonly idleTimeoutMs: number;
  /** Requests on one connection, after which it is closed. */
  readonly maxRequests: number;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

export type AdminErrorCode = "ADMIN_PORT_IN_USE" | "ADMIN_PORT_UNUSABLE";

/** The admin port cannot be opened. */
class AdminError extends CodedError<AdminErrorCode> {}

/** A caller has nothing to say but a request line and a few headers. */
const MAX_HEADER_BYTES = 8_192;

/** How often connections are looked over for those that exceeded a time-out. */
const CHECK_INTERVAL_MS = 1_000;

/** @throws AdminError */
export async function startAdminServer(
  options: AdminOptions,
  routes: readonly AdminRoute[],
  logger: Logger,
): Promise<AdminServer> {
  const connections = new AdminConnections(options.maxConnections);
  const server = createServer(
    {
      headersTimeout: options.requestTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, options.requestTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
      // A request without one is refused with a code, as other bad heads.
      requireHostHeader: false,
    },
    (request, response) => {
      const number = connections.begin(request.socket);
      response.once("close", () => connections.end(request.socket));
      // It was sent after one that the connection ends with.
      if (number > options.maxRequests) return;
      const isLast = number === options.maxRequests;
      answer(request, options, routes).then(
        (given) => send(request, response, isLast ? { ...given, isLast } : given),
        (error: unknown) => {
          logger.error("a request to the admin port failed", { path: request.url, error });
          send(request, response, refused(500, "ADMIN_FAILED", "the request failed; the log says why"));
        },
      );
    },
  );
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    const text = "the only expectation that is known here is 100-continue";
    send(request, response, { status: 417, code: "UNKNOWN_EXPECTATION", text, isLast: true });
  });
  server.on("connection", (socket) => connections.add(socket));
  const acceptors = await listenTogether(server, options, (socket) =>
    server.emit("connection", socket),
  ).catch((cause: unknown) => {
    throw adminError(toError(cause), options);
  });
  server.on("error", (error) => logger.warn("a connection to the admin port failed", { error }));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      const othersClosed = acceptors.close();
      server.closeAllConnections();
      await Promise.all([closed, othersClosed]);
    },
  };
}

async function answer(
  request: IncomingMessage,
  { secret }: AdminOptions,
  routes: readonly AdminRoute[],
): Promise<AdminAnswer> {
  const { method = "", url = "/", headers, socket } = request;
  const bad = headProblem(request);
  if (bad !== undefined) {
    const isMalformed = bad.kind === "malformed";
    const code = isMalformed ? "MALFORMED_REQUEST" : "UNKNOWN_TRANSFER_CODING";
    return { status: isMalformed ? 400 : 501, code, text: bad.text, isLast: true };
  }
  const [path = "", query] = url.split("?", 2);
  const { remoteAddress, localAddress } = socket;
  const facts: CallerFacts = { headers, remoteAddress, localAddress };
  const route = routes.find((each) => each.path === path);
  const refusedFor = refusal(facts, route?.reach ?? "loopback", secret);
  if (refusedFor !== undefined) return refused(403, refusedFor.code, refusedFor.text);
  if (route === undefined) {
    return refused(404, "ADMIN_UNKNOWN_PATH", `there are ${routes.map((each) => each.path).join(", ")}`);
  }
  if (!route.methods.includes(method))
    return refused(405, "ADMIN_METHOD_NOT_ALLOWED", `only ${route.methods.join(" and ")}`);
  return route.handle({ method, query: new URLSearchParams(query), isLocal: isLocalProgram(facts) });
}

function refused(status: number, code: AdminRefusalCode, text: string): AdminAnswer {
  return { status, code, text };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, text, isLast = false }: AdminAnswer,
): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...(code !== undefined && { "perdure-error-code": code }),
    // No route takes a body, so none is waited for.
    ...((isLast || hasBody(request)) && { connection: "close" }),
  });
  response.end(body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function adminError(cause: Error, { host, port }: AdminOptions): AdminError {
  if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") {
    return new AdminError("ADMIN_PORT_UNUSABLE", `admin port ${host}:${port} cannot be opened`, { cause });
  }
  const text = `admin port ${port} is in use; stop what listens there, or choose another with --admin-port or ADMIN_PORT`;
  return new AdminError("ADMIN_PORT_IN_USE", text);
}
