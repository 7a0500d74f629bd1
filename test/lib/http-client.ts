// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  /** The error's code, if the proxy sent one. */
  readonly errorCode: string | undefined;
}

export interface HttpCall {
  readonly method?: string;
  /** Sent as JSON; a text is sent unchanged. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface HttpClient {
  /** One request; nothing is ever tried again. Rejects if no whole answer came. */
  call(path: string, call?: HttpCall): Promise<HttpAnswer>;
  close(): void;
}

/** Time-out of an answer, in milliseconds, so that a test that hangs shows where. */
const ANSWER_TIMEOUT_MS = 30_000;

interface HttpClientOptions {
  /** Where the server is, if not on this machine. */
  readonly host?: string;
  /** Most open connections. */
  readonly connections?: number;
}

/** A client of one server. It reuses its connections. */
export function httpClient(
  port: number,
  { host = "127.0.0.1", connections = 16 }: HttpClientOptions = {},
): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const call = (
    path: string,
    { method, body, contentType, headers, signal }: HttpCall = {},
  ): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const bytes =
        body === undefined ? undefined : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      const outgoing = request({
        host,
        port,
        path,
        agent,
        method: method ?? (bytes === undefined ? "GET" : "POST"),
        headers: {
          ...headers,
          ...(bytes !== undefined && {
            "content-type": contentType ?? "application/json",
            "content-length": bytes.length,
          }),
        },
        ...(signal !== undefined && { signal }),
      });
      outgoing.setTimeout(ANSWER_TIMEOUT_MS, () => outgoing.destroy(new Error(`no answer to ${path}`)));
      outgoing.on("error", reject);
      outgoing.on("response", (response) => void readAnswer(response).then(resolve, reject));
      outgoing.end(bytes);
    });
  return { call, close: () => agent.destroy() };
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const errorCode = response.headers["perdure-error-code"];
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(chunks).toString(),
    contentType: response.headers["content-type"] ?? "",
    errorCode: typeof errorCode === "string" ? errorCode : undefined,
  };
}
