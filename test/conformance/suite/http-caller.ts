// SPDX-License-Identifier: Apache-2.0

import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Calls the HTTP API of one server. Each call uses a new connection. */
export interface HttpCaller {
  /** Sends POST with the JSON as it is, or GET without a body. Rejects if no complete answer came. */
  call(path: string, json?: string): Promise<HttpAnswer>;
}

/** @param address `host:port`. */
export function httpCaller(address: string, withinMs: number): HttpCaller {
  const call = (path: string, json?: string): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(`http://${address}${path}`, {
        method: json === undefined ? "GET" : "POST",
        headers: json === undefined ? {} : { "content-type": "application/json" },
        agent: false,
        signal: AbortSignal.timeout(withinMs),
      });
      outgoing.on("error", reject);
      outgoing.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"],
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      outgoing.end(json);
    });
  return { call };
}
