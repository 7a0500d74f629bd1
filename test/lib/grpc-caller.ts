// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials, Metadata } from "@grpc/grpc-js";

export interface GrpcCaller {
  /** One unary call, cancelled by the signal. Rejects with a `ServiceError`. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    signal?: AbortSignal,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<MessageShape<O>>;
  /** One unary call with bytes, whatever the path. */
  callBytes(
    path: string,
    request: Uint8Array,
    signal?: AbortSignal,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<Uint8Array>;
  close(): void;
}

interface GrpcCallerOptions {
  /** Address of the server; by default this machine. */
  readonly host?: string;
  /** The `:authority` of the calls; by default the address. */
  readonly authority?: string;
}

/** A client of grpc-js, which shares no code with ours. It neither retries nor limits the size of what it sends. */
export function grpcCaller(
  port: number,
  { host = "127.0.0.1", authority }: GrpcCallerOptions = {},
): GrpcCaller {
  const client = new Client(`${host}:${port}`, credentials.createInsecure(), {
    "grpc.enable_retries": 0,
    "grpc.max_send_message_length": -1,
    ...(authority !== undefined && { "grpc.default_authority": authority }),
  });
  const same = (bytes: Uint8Array) => Buffer.from(bytes);
  const callBytes: GrpcCaller["callBytes"] = (path, request, signal, metadata = {}) =>
    new Promise((resolve, reject) => {
      const sent = new Metadata();
      for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
      const call = client.makeUnaryRequest(path, same, same, request, sent, (error, reply) => {
        if (error === null && reply !== undefined) resolve(reply);
        else reject(error ?? new Error("neither a reply nor an error"));
      });
      signal?.addEventListener("abort", () => call.cancel(), { once: true });
    });
  return {
    async call(method, request, signal, metadata) {
      const bytes = toBinary(method.input, create(method.input, request));
      const path = `/${method.parent.typeName}/${method.name}`;
      return fromBinary(method.output, await callBytes(path, bytes, signal, metadata));
    },
    callBytes,
    close: () => client.close(),
  };
}

/** The status that a failed call ended with; fails if the call did not fail. */
export async function statusOf(
  call: Promise<unknown>,
): Promise<{ readonly code: number; readonly text: string }> {
  try {
    await call;
  } catch (error) {
    const { code, details } = error as ServiceError;
    return { code, text: details };
  }
  throw new Error("the call succeeded");
}
