// SPDX-License-Identifier: Apache-2.0

/** Calls that are timed: what a good caller sends, on a connection that may be kept or is made for one call. */

import * as http from "node:http";
import type { ClientHttp2Session } from "node:http2";
import { connect } from "node:http2";
import * as https from "node:https";

import { HOST } from "./target.ts";
import type { GrpcPath } from "./wire/grpc.ts";
import { grpcFields, grpcMessage } from "./wire/grpc.ts";

/** A caller with at most one connection. `call` rejects unless the expected answer comes. */
export interface Caller {
  call(signal: AbortSignal): Promise<void>;
  /** Ends the connection; the next call makes a new one. */
  hangUp(): void;
}

/** Sends GET, or POST if there is a body. The expected answer is `status`, by default 200. */
export function httpCaller(
  port: number,
  path: string,
  { status = 200, body, tls = false }: HttpCallOptions = {},
): Caller {
  const { request } = tls ? https : http;
  const newAgent = (): http.Agent => {
    const options = { keepAlive: true, maxSockets: 1 };
    // The webhook's certificate has no authority that this machine knows.
    return tls ? new https.Agent({ ...options, rejectUnauthorized: false }) : new http.Agent(options);
  };
  let agent = newAgent();
  return {
    call: (signal) =>
      new Promise((resolve, reject) => {
        const bytes = body === undefined ? undefined : Buffer.from(body);
        const headers = {
          ...(bytes !== undefined && { "content-type": "application/json", "content-length": bytes.length }),
        };
        const method = bytes === undefined ? "GET" : "POST";
        const outgoing = request({ host: HOST, port, path, method, headers, agent, signal });
        outgoing.on("error", reject);
        outgoing.on("response", (response) => {
          response.on("error", reject).on("end", () => {
            if (response.statusCode === status) resolve();
            else reject(new Error(`answered ${response.statusCode}`));
          });
          response.resume();
        });
        outgoing.end(bytes);
      }),
    hangUp() {
      agent.destroy();
      agent = newAgent();
    },
  };
}

interface HttpCallOptions {
  readonly status?: number;
  readonly body?: string;
  readonly tls?: boolean;
}

/**
 * Makes one unary call. The expected answer has the status 0 and a message, which must equal `expected` if that is
 * given.
 */
export function grpcCaller(port: number, path: GrpcPath, message: Uint8Array, expected?: Uint8Array): Caller {
  const call: GrpcCall = { path, body: grpcMessage(message), expected: expected && grpcMessage(expected) };
  let session: ClientHttp2Session | undefined;
  const open = (): ClientHttp2Session => {
    if (session !== undefined && !session.destroyed && !session.closed) return session;
    session = connect(`http://${HOST}:${port}`);
    session.on("error", () => undefined);
    return session;
  };
  return {
    call: (signal) => grpcCall(open(), call, signal),
    hangUp() {
      session?.destroy();
      session = undefined;
    },
  };
}

interface GrpcCall {
  readonly path: GrpcPath;
  /** `body` and `expected` include gRPC's message prefix. */
  readonly body: Buffer;
  readonly expected: Buffer | undefined;
}

function grpcCall(session: ClientHttp2Session, call: GrpcCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // If the session fails before its stream is open, the stream gets no event.
    const fail = (error: unknown): void => reject(error instanceof Error ? error : new Error("no answer"));
    session.once("error", fail);
    const stream = session.request(grpcFields(call.path), { signal });
    let status: unknown;
    const chunks: Buffer[] = [];
    stream.on("response", (headers) => (status = headers["grpc-status"]));
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", fail);
    stream.on("close", () => {
      session.off("error", fail);
      const answer = Buffer.concat(chunks);
      if (status !== "0" || answer.length === 0) reject(new Error(`grpc-status ${String(status)}`));
      else if (!(call.expected?.equals(answer) ?? true)) reject(new Error("another answer than expected"));
      else resolve();
    });
    stream.end(call.body);
  });
}
