// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ServerDuplexStream } from "@grpc/grpc-js";

import type {
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
  ValueEntityStreamInSchema,
  ValueEntityStreamOutSchema,
} from "../../pkg/protocol/mod.ts";

export type EntityCall = ServerDuplexStream<Buffer, Uint8Array>;

/** One entity stream as the user function sees it. */
export interface EntityStream<In, Out> {
  /** The headers with which the stream was opened. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly received: In[];
  /** How the proxy ended the stream: by a half-close, or by a reset. */
  readonly ended: Promise<"completed" | "cancelled">;
  send(out: Out): void;
  sendBytes(bytes: Uint8Array): void;
  /** Completes the stream from this side. */
  complete(): void;
  /** Fails the stream from this side. */
  fail(message: string): void;
}

/** A stream of an event sourced entity. */
export type ScriptedStream = StreamOf<typeof EventSourcedStreamInSchema, typeof EventSourcedStreamOutSchema>;
export type ScriptedValueStream = StreamOf<
  typeof ValueEntityStreamInSchema,
  typeof ValueEntityStreamOutSchema
>;

type StreamOf<In extends DescMessage, Out extends DescMessage> = EntityStream<
  MessageShape<In>,
  MessageInitShape<Out>
>;

/** Reads what the proxy sends on a call and hands it to the script. */
export function scriptedStream<In extends DescMessage, Out extends DescMessage>(
  call: EntityCall,
  streamIn: In,
  streamOut: Out,
  script: ((message: MessageShape<In>, stream: StreamOf<In, Out>) => void) | undefined,
): StreamOf<In, Out> {
  const ended = new Promise<"completed" | "cancelled">((resolve) => {
    call.on("end", () => {
      call.end();
      resolve("completed");
    });
    call.on("cancelled", () => resolve("cancelled"));
  });
  call.on("error", () => undefined);
  const stream: StreamOf<In, Out> = {
    headers: call.metadata.getMap(),
    received: [],
    ended,
    send: (out) => void call.write(toBinary(streamOut, create(streamOut, out))),
    sendBytes: (bytes) => void call.write(bytes),
    complete: () => void call.end(),
    fail: (message) => void call.emit("error", { code: 2, details: message }),
  };
  call.on("data", (bytes: Buffer) => {
    const message = fromBinary(streamIn, bytes);
    stream.received.push(message);
    script?.(message, stream);
  });
  return stream;
}
