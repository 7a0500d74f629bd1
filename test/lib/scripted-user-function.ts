// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { MethodDefinition, ServerDuplexStream } from "@grpc/grpc-js";

import {
  ActionProtocol,
  EntitySpecSchema,
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
  ProxyInfoSchema,
  UserFunctionErrorSchema,
} from "../../pkg/protocol/mod.ts";
import type { EntitySpec, EventSourcedStreamIn, ProxyInfo } from "../../pkg/protocol/mod.ts";

import { actionMethods } from "./scripted-actions.ts";
import type { ScriptedAction } from "./scripted-actions.ts";

export type StreamOut = MessageInitShape<typeof EventSourcedStreamOutSchema>;

/** One entity stream as the user function sees it. */
export interface ScriptedStream {
  readonly received: EventSourcedStreamIn[];
  /** What the proxy did at the end: half-closed, or reset. */
  readonly ended: Promise<"completed" | "cancelled">;
  send(out: StreamOut): void;
  sendBytes(bytes: Uint8Array): void;
  /** Completes the stream from this side. */
  complete(): void;
  /** Fails the stream from this side. */
  fail(message: string): void;
}

export interface ScriptedUserFunction {
  readonly port: number;
  /** What the proxies said at discovery, in order. */
  readonly discoveries: ProxyInfo[];
  /** Texts of `reportError`, in order. */
  readonly reports: string[];
  readonly streams: ScriptedStream[];
  /** Ends all connections at once, as a process that dies does. */
  kill(): void;
}

export interface Script {
  readonly spec: EntitySpec;
  /** 0: the kernel chooses. */
  readonly port?: number;
  /** Called for every message of every entity stream. Default: says nothing. */
  readonly onMessage?: (message: EventSourcedStreamIn, stream: ScriptedStream) => void;
  /** Called for every call to an action. Default: never answers. */
  readonly onAction?: (call: ScriptedAction) => void;
  /** Answers discovery with these bytes instead of the spec. */
  readonly discoveryBytes?: Uint8Array;
}

/** A real gRPC server that speaks the user function's side of the protocol as the script says, rightly or wrongly. */
export async function startScriptedUserFunction(script: Script): Promise<ScriptedUserFunction> {
  const server = new Server();
  const discoveries: ProxyInfo[] = [];
  const reports: string[] = [];
  const streams: ScriptedStream[] = [];

  server.addService(
    {
      discover: bytesMethod("/cloudstate.EntityDiscovery/discover"),
      reportError: bytesMethod("/cloudstate.EntityDiscovery/reportError"),
    },
    {
      discover: (call: { request: Buffer }, callback: (error: null, reply: Uint8Array) => void) => {
        discoveries.push(fromBinary(ProxyInfoSchema, call.request));
        callback(null, script.discoveryBytes ?? toBinary(EntitySpecSchema, script.spec));
      },
      reportError: (call: { request: Buffer }, callback: (error: null, reply: Uint8Array) => void) => {
        reports.push(fromBinary(UserFunctionErrorSchema, call.request).message);
        callback(null, encode(EmptySchema, {}));
      },
    },
  );
  server.addService(
    { handle: bytesMethod("/cloudstate.eventsourced.EventSourced/handle", "bidi_streaming") },
    {
      handle: (call: ServerDuplexStream<Buffer, Uint8Array>) => {
        const stream = scriptedStream(call);
        streams.push(stream);
        call.on("data", (bytes: Buffer) => {
          const message = fromBinary(EventSourcedStreamInSchema, bytes);
          stream.received.push(message);
          script.onMessage?.(message, stream);
        });
      },
    },
  );
  server.addService(
    Object.fromEntries(
      ActionProtocol.methods.map(({ name, methodKind }) => [
        name,
        bytesMethod(`/${ActionProtocol.typeName}/${name}`, methodKind),
      ]),
    ),
    actionMethods((call) => script.onAction?.(call)),
  );

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${script.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, discoveries, reports, streams, kill: () => server.forceShutdown() };
}

function scriptedStream(call: ServerDuplexStream<Buffer, Uint8Array>): ScriptedStream {
  const ended = new Promise<"completed" | "cancelled">((resolve) => {
    call.on("end", () => {
      call.end();
      resolve("completed");
    });
    call.on("cancelled", () => resolve("cancelled"));
  });
  call.on("error", () => undefined);
  return {
    received: [],
    ended,
    send: (out) => void call.write(encode(EventSourcedStreamOutSchema, out)),
    sendBytes: (bytes) => void call.write(bytes),
    complete: () => void call.end(),
    fail: (message) => void call.emit("error", { code: 2, details: message }),
  };
}

function encode<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

function bytesMethod(
  path: string,
  kind: DescMethod["methodKind"] = "unary",
): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes;
  // grpc-js copies with methods that only buffers have.
  const buffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    path,
    requestStream: kind === "client_streaming" || kind === "bidi_streaming",
    responseStream: kind === "server_streaming" || kind === "bidi_streaming",
    requestSerialize: buffer,
    requestDeserialize: same,
    responseSerialize: buffer,
    responseDeserialize: same,
  };
}
