// SPDX-License-Identifier: Apache-2.0

import type { EventEmitter } from "node:events";
import { once } from "node:events";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  status,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";

import type { ActionCommand } from "../../pkg/protocol/mod.ts";
import { ActionCommandSchema, ActionResponseSchema } from "../../pkg/protocol/mod.ts";

export type ActionAnswer = MessageInitShape<typeof ActionResponseSchema>;

/** One call of the proxy to an action of any shape, as the user function receives it. */
export interface ScriptedAction {
  /** The method's name, such as `handleUnary`. */
  readonly shape: string;
  /** The commands of the call. They are read from the stream as they are consumed. */
  readonly commands: AsyncIterable<ActionCommand>;
  /** Sends an answer. Resolves when the proxy can take more. */
  send(answer: ActionAnswer): Promise<void>;
  sendBytes(bytes: Uint8Array): Promise<void>;
  /** Completes the call. Does nothing for a call with a single answer, because the answer completes it. */
  end(): void;
  fail(code: status, details: string, trailers?: Readonly<Record<string, string>>): void;
  /** Resolves when the proxy has cancelled the call. */
  readonly cancelled: Promise<void>;
}

type UnaryCall = ServerUnaryCall<Buffer, Uint8Array>;
type StreamedIn = ServerReadableStream<Buffer, Uint8Array>;
type StreamedOut = ServerWritableStream<Buffer, Uint8Array>;
type Streamed = ServerDuplexStream<Buffer, Uint8Array>;
type Callback = sendUnaryData<Uint8Array>;

/** The four methods of `ActionProtocol`, each of which hands its call to the script. */
export function actionMethods(script: (call: ScriptedAction) => void): UntypedServiceImplementation {
  return {
    handleUnary: (call: UnaryCall, callback: Callback) =>
      script(singleAnswer("handleUnary", call, callback, only(call.request))),
    handleStreamedIn: (call: StreamedIn, callback: Callback) =>
      script(singleAnswer("handleStreamedIn", call, callback, commandsOf(call))),
    handleStreamedOut: (call: StreamedOut) =>
      script(manyAnswers("handleStreamedOut", call, only(call.request))),
    handleStreamed: (call: Streamed) => script(manyAnswers("handleStreamed", call, commandsOf(call))),
  };
}

function singleAnswer(
  shape: string,
  call: UnaryCall | StreamedIn,
  callback: Callback,
  commands: AsyncIterable<ActionCommand>,
): ScriptedAction {
  const sendBytes = async (bytes: Uint8Array): Promise<void> => callback(null, bytes);
  return {
    shape,
    commands,
    send: (answer) => sendBytes(encode(answer)),
    sendBytes,
    end: () => undefined,
    fail: (code, details, trailers = {}) => callback({ code, details, metadata: metadataOf(trailers) }),
    cancelled: cancelledOf(call),
  };
}

function manyAnswers(
  shape: string,
  call: StreamedOut | Streamed,
  commands: AsyncIterable<ActionCommand>,
): ScriptedAction {
  const sendBytes = async (bytes: Uint8Array): Promise<void> => {
    if (!call.write(bytes) && !call.cancelled) await Promise.race([once(call, "drain"), cancelled]);
  };
  const cancelled = cancelledOf(call);
  return {
    shape,
    commands,
    send: (answer) => sendBytes(encode(answer)),
    sendBytes,
    end: () => void call.end(),
    fail: (code, details, trailers = {}) =>
      void call.emit("error", { code, details, metadata: metadataOf(trailers) }),
    cancelled,
  };
}

function cancelledOf(call: EventEmitter): Promise<void> {
  return new Promise((resolve) => call.on("cancelled", () => resolve()));
}

async function* only(request: Buffer): AsyncIterable<ActionCommand> {
  yield fromBinary(ActionCommandSchema, request);
}

async function* commandsOf(call: StreamedIn | Streamed): AsyncIterable<ActionCommand> {
  for await (const bytes of call) yield fromBinary(ActionCommandSchema, bytes as Buffer);
}

function encode(answer: ActionAnswer): Uint8Array {
  return toBinary(ActionResponseSchema, create(ActionResponseSchema, answer));
}

function metadataOf(entries: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(entries)) metadata.set(name, value);
  return metadata;
}
