// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { MethodDefinition } from "@grpc/grpc-js";
import { Server, ServerCredentials } from "@grpc/grpc-js";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";
import type {
  EntitySpec,
  EventSourcedStreamIn,
  ProxyInfo,
  ValueEntityStreamIn,
} from "../../pkg/protocol/mod.ts";
import {
  ActionProtocol,
  EntitySpecSchema,
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
  ProxyInfoSchema,
  UserFunctionErrorSchema,
  ValueEntityStreamInSchema,
  ValueEntityStreamOutSchema,
} from "../../pkg/protocol/mod.ts";

import { onSamePort } from "./same-port.ts";
import type { ScriptedAction } from "./scripted-actions.ts";
import { actionMethods } from "./scripted-actions.ts";
import type { EntityCall, ScriptedStream, ScriptedValueStream } from "./scripted-entity.ts";
import { scriptedStream } from "./scripted-entity.ts";
import type { ServerCall } from "./threads.ts";
import { Threads } from "./threads.ts";

const HOST = "127.0.0.1";

export type StreamOut = MessageInitShape<typeof EventSourcedStreamOutSchema>;

export interface ScriptedUserFunction {
  readonly port: number;
  /** The discovery requests of proxies, in order. */
  readonly discoveries: ProxyInfo[];
  /** Texts of `reportError`, in order. */
  readonly reports: string[];
  /** Streams of event sourced entities. */
  readonly streams: ScriptedStream[];
  readonly valueStreams: ScriptedValueStream[];
  /** Ends all connections at once, as a process that dies does. */
  kill(): void;
}

export interface Script {
  readonly spec: EntitySpec;
  /** Default: one at which another user function can be started when this one is gone. */
  readonly port?: number;
  /** Called for every message of every stream of an event sourced entity. By default nothing is answered. */
  readonly onMessage?: (message: EventSourcedStreamIn, stream: ScriptedStream) => void;
  /** The same for value entities. */
  readonly onValueMessage?: (message: ValueEntityStreamIn, stream: ScriptedValueStream) => void;
  /** Called for every call to an action. Default: never answers. */
  readonly onAction?: (call: ScriptedAction) => void;
  /** Answers discovery with these bytes instead of the spec. */
  readonly discoveryBytes?: Uint8Array;
  /** Serves this many calls at the same time, and does not answer others until one ends. Default: all. */
  readonly threads?: number;
  /** The HTTP/2 setting for the number of streams. Default: any number. */
  readonly maxConcurrentStreams?: number;
}

type UnaryCall = ServerCall & { readonly request: Buffer };

/**
 * Starts a real gRPC server that implements the user function's side of the protocol as the script says, correctly or
 * not.
 */
export function startScriptedUserFunction(script: Script): Promise<ScriptedUserFunction> {
  // A server of grpc-js that could not listen on a port never tries that port again. So each attempt has its own.
  return onSamePort(() => start(script));
}

async function start(script: Script): Promise<ScriptedUserFunction> {
  const { maxConcurrentStreams, threads: count = Number.POSITIVE_INFINITY } = script;
  const server = new Server(
    maxConcurrentStreams === undefined ? {} : { "grpc.max_concurrent_streams": maxConcurrentStreams },
  );
  const threads = new Threads(count);
  const discoveries: ProxyInfo[] = [];
  const reports: string[] = [];
  const streams: ScriptedStream[] = [];
  const valueStreams: ScriptedValueStream[] = [];

  server.addService(
    {
      discover: bytesMethod("/cloudstate.EntityDiscovery/discover"),
      reportError: bytesMethod("/cloudstate.EntityDiscovery/reportError"),
    },
    {
      discover: threads.handler((call: UnaryCall, answer) => {
        discoveries.push(fromBinary(ProxyInfoSchema, call.request));
        answer(null, script.discoveryBytes ?? toBinary(EntitySpecSchema, script.spec));
      }),
      reportError: threads.handler((call: UnaryCall, answer) => {
        reports.push(fromBinary(UserFunctionErrorSchema, call.request).message);
        answer(null, encode(EmptySchema, {}));
      }),
    },
  );
  server.addService(
    { handle: bytesMethod("/cloudstate.eventsourced.EventSourced/handle", "bidi_streaming") },
    {
      handle: threads.handler((call: EntityCall) => {
        streams.push(
          scriptedStream(call, EventSourcedStreamInSchema, EventSourcedStreamOutSchema, script.onMessage),
        );
      }),
    },
  );
  server.addService(
    { handle: bytesMethod("/cloudstate.valueentity.ValueEntity/handle", "bidi_streaming") },
    {
      handle: threads.handler((call: EntityCall) => {
        valueStreams.push(
          scriptedStream(call, ValueEntityStreamInSchema, ValueEntityStreamOutSchema, script.onValueMessage),
        );
      }),
    },
  );
  server.addService(
    Object.fromEntries(
      ActionProtocol.methods.map(({ name, methodKind }) => [
        name,
        bytesMethod(`/${ActionProtocol.typeName}/${name}`, methodKind),
      ]),
    ),
    Object.fromEntries(
      Object.entries(actionMethods((call) => script.onAction?.(call))).map(([name, handle]) => [
        name,
        threads.handler(handle as Parameters<typeof threads.handler>[0]),
      ]),
    ),
  );

  const wanted = script.port ?? (await freePort(HOST, systemRandom));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${HOST}:${wanted}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, discoveries, reports, streams, valueStreams, kill: () => server.forceShutdown() };
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
