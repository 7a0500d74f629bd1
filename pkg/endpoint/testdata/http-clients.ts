// SPDX-License-Identifier: Apache-2.0

import type { IncomingHttpHeaders } from "node:http";
import { Agent, request as request1 } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { Readable } from "node:stream";

export interface HttpCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** An answer whose body is read on demand. */
export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Ends with an error if the answer breaks off. */
  readonly body: Readable;
  /** Closes the connection at once. */
  leave(): void;
}

/** Clients for both versions of HTTP. */
export const HTTP_CLIENTS: Readonly<
  Record<"HTTP/1.1" | "HTTP/2", (port: number, call: HttpCall) => Promise<HttpReply>>
> = {
  "HTTP/1.1": (port, { method = "GET", path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const agent = new Agent();
      const request = request1({ port, host: "127.0.0.1", method, path, headers, agent }, (response) => {
        response.once("close", () => agent.destroy());
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: response,
          leave: () => void request.destroy(),
        });
      });
      request.on("error", reject);
      request.end(body);
    }),
  "HTTP/2": (port, { method = "GET", path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on("error", reject);
      const stream = session.request(
        { ":method": method, ":path": path, ...headers },
        { endStream: body === undefined },
      );
      stream.on("error", reject);
      stream.once("close", () => session.destroy());
      stream.on("response", (response) => {
        const { ":status": status = 0, ...rest } = response;
        resolve({ status, headers: rest, body: stream, leave: () => session.destroy() });
      });
      if (body !== undefined) stream.end(body);
    }),
};

export async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Reads until the text has come; gives all that came with it. */
export async function readUntil(body: Readable, text: string): Promise<string> {
  let seen = "";
  while (!seen.includes(text)) {
    const chunk = body.read() as Buffer | null;
    if (chunk === null) await new Promise((resolve) => body.once("readable", resolve));
    else seen += chunk.toString();
  }
  return seen;
}
