// SPDX-License-Identifier: Apache-2.0

/**
 * The admin port: probes, drain and what the proxy does now, for the operators of the proxy and for the kubelet.
 *
 * 1. A route answers only the callers that its `reach` allows. Web pages may call only routes of reach `anyone`.
 * 2. Connections, headers and times are bounded (I11). The kubelet is answered however many connections other callers
 *    hold open.
 * 3. A bad request closes at most its own connection (I12).
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { CodedError, headProblem, listenTogether, showAllFields, toError } from "../../base/mod.ts";
import type { Values } from "../../settings/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { ADMIN_PORT_SETTINGS, DRAIN_SETTINGS } from "../settings.ts";
import type { AdminRefusalCode, CallerFacts } from "./caller.ts";
import { isLocalProgram, isOperator, refusal } from "./caller.ts";
import { AdminConnections } from "./connections.ts";
import type { AdminAnswer, AdminRoute } from "./routes.ts";

/** `drainSecret`: what callers of routes of reach `secret` must send; empty if there is none. */
export type AdminOptions = Values<typeof ADMIN_PORT_SETTINGS & Pick<typeof DRAIN_SETTINGS, "drainSecret">>;

export interface AdminServer {
  readonly port: number;
  /** Open ones. */
  readonly connections: () => number;
  close(): Promise<void>;
}

export type AdminErrorCode = "ADMIN_PORT_IN_USE" | "ADMIN_PORT_UNUSABLE";

/** The admin port cannot be opened. */
class AdminError extends CodedError<AdminErrorCode> {}

/** Largest head of a request. A request to the admin port has a request line and a few headers. */
const MAX_HEADER_BYTES = 8_192;

/** How often the server checks its connections for exceeded time-outs. */
const CHECK_INTERVAL_MS = 1_000;

/** @param routes all that there are at the moment of a request. @throws AdminError */
export async function startAdminServer(
  options: AdminOptions,
  routes: () => readonly AdminRoute[],
  telemetry: Telemetry,
): Promise<AdminServer> {
  const connections = new AdminConnections(options.adminMaxConnections);
  const server = createServer(
    {
      headersTimeout: options.adminRequestTimeoutMs,
      requestTimeout: options.adminRequestTimeoutMs,
      keepAliveTimeout: options.adminIdleTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, options.adminRequestTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node's own check is off: `headProblem` finds a missing `Host`, so that the refusal carries an error code.
      requireHostHeader: false,
    },
    (request, response) => {
      const number = connections.begin(request.socket);
      response.once("close", () => connections.end(request.socket));
      // The connection closes after an earlier request, so a request that was pipelined behind that one is ignored.
      if (number > options.adminMaxRequests) return;
      const isLast = number === options.adminMaxRequests;
      answer(request, options, routes()).then(
        (given) => send(request, response, isLast ? { ...given, isLast } : given),
        (error: unknown) => {
          telemetry.logger.error("a request to the admin port failed", { path: request.url, error });
          send(request, response, refused(500, "ADMIN_FAILED", "the request failed; the log says why"));
        },
      );
    },
  );
  showAllFields(server);
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    const text = "the only expectation that is known here is 100-continue";
    send(request, response, { status: 417, code: "UNKNOWN_EXPECTATION", text, isLast: true });
  });
  server.on("connection", (socket) => connections.add(socket));
  const address = { port: options.adminPort, host: options.adminHost };
  const acceptors = await listenTogether(server, address, (socket) =>
    server.emit("connection", socket),
  ).catch((cause: unknown) => {
    throw adminError(toError(cause), options);
  });
  server.on("error", (error) => telemetry.logger.warn("a connection to the admin port failed", { error }));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections.size,
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
  { drainSecret }: AdminOptions,
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
  const refusedFor = refusal(facts, route?.reach ?? "loopback", drainSecret);
  if (refusedFor !== undefined) return refused(403, refusedFor.code, refusedFor.text);
  if (route === undefined) {
    return refused(404, "ADMIN_UNKNOWN_PATH", `there are ${routes.map((each) => each.path).join(", ")}`);
  }
  if (!route.methods.includes(method))
    return refused(405, "ADMIN_METHOD_NOT_ALLOWED", `only ${route.methods.join(" and ")}`);
  const { accept } = headers;
  const sender = { isLocal: isLocalProgram(facts), isOperator: isOperator(facts, drainSecret) };
  return route.handle({ method, query: new URLSearchParams(query), accept, ...sender });
}

const PLAIN_TEXT = "text/plain; charset=utf-8";

function refused(status: number, code: AdminRefusalCode, text: string): AdminAnswer {
  return { status, code, text };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, code, text, contentType = PLAIN_TEXT, isLast = false }: AdminAnswer,
): void {
  const body = `${text}\n`;
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    ...(code !== undefined && { "perdure-error-code": code }),
    // No route reads a body. The connection closes, so that the server need not wait for the rest of the body.
    ...((isLast || hasBody(request)) && { connection: "close" }),
  });
  response.end(body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function adminError(cause: Error, { adminHost: host, adminPort: port }: AdminOptions): AdminError {
  if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") {
    return new AdminError("ADMIN_PORT_UNUSABLE", `admin port ${host}:${port} cannot be opened`, { cause });
  }
  const text = `admin port ${port} is in use; stop what listens there, or choose another with --admin-port or ADMIN_PORT`;
  return new AdminError("ADMIN_PORT_IN_USE", text);
}
