// SPDX-License-Identifier: Apache-2.0

import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { CodedError } from "../base/mod.ts";

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

/**
 * The port for whoever runs the proxy: `/livez` (the process answers; depends on nothing else) and `/readyz` (every
 * check holds). `?verbose` lists the checks.
 *
 * @throws AdminError
 */
export async function startAdminServer(
  host: string,
  port: number,
  checks: () => readonly Check[],
): Promise<AdminServer> {
  const server = createServer({ requestTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
    const { status, text } = answer(request.method ?? "", request.url ?? "/", checks);
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
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

function answer(
  method: string,
  url: string,
  checks: () => readonly Check[],
): { status: number; text: string } {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "only GET" };
  const [path, query = ""] = url.split("?", 2);
  if (path === "/livez") return { status: 200, text: "ok" };
  if (path !== "/readyz") return { status: 404, text: "there are /livez and /readyz" };
  const results = checks();
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
