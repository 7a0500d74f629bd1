// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from "node:http";

import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials } from "@grpc/grpc-js";
import { WebSocket } from "ws";

import type { TestScope } from "./processes.ts";

/** The refusal of a call, over any protocol. */
export interface Refusal {
  /** The status of gRPC or of HTTP. */
  readonly status: number;
  /** The proxy's error code. */
  readonly code: string;
  readonly text: string;
}

/** How long a refusal may take, in milliseconds: it has to come at once, and a machine may be busy. */
const AT_ONCE_MS = 10_000;

/**
 * Makes a gRPC call, of any shape, that sends these messages and then stays open. The caller does not end it.
 *
 * @throws Error if it is answered, or not refused in time.
 */
export function openGrpcCall(
  scope: TestScope,
  port: number,
  path: string,
  messages: readonly Uint8Array[],
): Promise<Refusal> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.enable_retries": 0 });
  scope.teardown(() => client.close());
  const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(path, same, same);
  for (const message of messages) call.write(message);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no end of ${path}`)), AT_ONCE_MS);
    call.on("data", () => reject(new Error(`${path} was answered`)));
    call.on("error", ({ code, details, metadata }: ServiceError) => {
      clearTimeout(late);
      resolve({ status: code, code: String(metadata.get("perdure-error-code")[0] ?? ""), text: details });
    });
  });
}

/** A call by gRPC-Web with one message. @throws Error if it is answered. */
export async function grpcWebCall(port: number, path: string, message: Uint8Array): Promise<Refusal> {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto" },
    body: Buffer.concat([prefix, message]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (body[0] !== 0x80) throw new Error(`${path} was answered`);
  const trailers = new Headers();
  for (const line of body.subarray(5).toString("latin1").trim().split("\r\n")) {
    const colon = line.indexOf(":");
    trailers.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return {
    status: Number(trailers.get("grpc-status")),
    code: trailers.get("perdure-error-code") ?? "",
    text: decodeURIComponent(trailers.get("grpc-message") ?? ""),
  };
}

/** A request for a WebSocket. @throws Error if it is granted. */
export function webSocketHandshake(scope: TestScope, port: number, path: string): Promise<Refusal> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  scope.teardown(() => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on("open", () => reject(new Error(`${path} was opened`)));
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          code: String(response.headers["perdure-error-code"]),
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
  });
}

/** A request by plain HTTP, with JSON if there is a body. */
export async function httpRequest(
  port: number,
  method: string,
  path: string,
  json?: string,
): Promise<Refusal> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { accept: "text/plain", ...(json !== undefined && { "content-type": "application/json" }) },
    ...(json !== undefined && { body: json }),
  });
  const code = response.headers.get("perdure-error-code") ?? "";
  return { status: response.status, code, text: await response.text() };
}
