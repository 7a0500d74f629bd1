// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { CodedError, describeError } from "../base/mod.ts";

/** One condition of readiness, for `/readyz?verbose`. */
export interface Check {
  readonly name: string;
  /** Undefined if it holds, else why not. */
  readonly problem: string | undefined;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

export type AdminErrorCode = "ADMIN_PORT_IN_USE" | "ADMIN_PORT_UNUSABLE";

/** The admin port cannot be opened. */
class AdminError extends CodedError<AdminErrorCode> {}

/** What the admin port asks the proxy. */
export interface AdminHandlers {
  readonly checks: () => readonly Check[];
  /** Prepares for the end; gives what came of it. */
  readonly drain: () => Promise<string>;
}

/**
 * The port for whoever runs the proxy: `/livez` (the process answers; depends on nothing else), `/readyz` (every check
 * holds; `?verbose` lists them) and `/drain`, which is done at GET too, since that is all that Kubernetes' hooks send.
 *
 * @throws AdminError
 */
export async function startAdminServer(
  host: string,
  port: number,
  handlers: AdminHandlers,
): Promise<AdminServer> {
  const server = createServer({ requestTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
    const send = ({ status, text }: Answer): void => {
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
    };
    const failed = (error: unknown): void => send({ status: 500, text: describeError(error) });
    answer(request.method ?? "", request.url ?? "/", handlers).then(send, failed);
  });
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function answer(method: string, url: string, { checks, drain }: AdminHandlers): Promise<Answer> {
  const [path, query = ""] = url.split("?", 2);
  if (path === "/drain") {
    // It changes something, so one who only looks does not start it.
    if (method !== "GET" && method !== "POST") return { status: 405, text: "only GET and POST" };
    return { status: 200, text: await drain() };
  }
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "only GET" };
  if (path === "/livez") return { status: 200, text: "ok" };
  if (path !== "/readyz") return { status: 404, text: "there are /livez, /readyz and /drain" };
  return readiness(checks(), query);
}

function readiness(results: readonly Check[], query: string): Answer {
  const failed = results.filter((check) => check.problem !== undefined);
  const shown = query.split("&").includes("verbose") ? results : failed;
  const lines = shown.map(({ name, problem }) =>
    problem === undefined ? `[+] ${name}` : `[-] ${name}: ${problem}`,
  );
  const ready = failed.length === 0;
  return { status: ready ? 200 : 503, text: [...lines, ready ? "ok" : "not ready"].join("\n") };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(adminError(cause, host, port));
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

function adminError(cause: Error, host: string, port: number): AdminError {
  if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") {
    return new AdminError("ADMIN_PORT_UNUSABLE", `admin port ${host}:${port} cannot be opened`, { cause });
  }
  const text = `admin port ${port} is in use; stop what listens there, or choose another with --admin-port or ADMIN_PORT`;
  return new AdminError("ADMIN_PORT_IN_USE", text);
}
