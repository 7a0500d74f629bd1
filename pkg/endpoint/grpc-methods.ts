// SPDX-License-Identifier: Apache-2.0

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescService } from "@bufbuild/protobuf";

import { CallError, callMessages, onlyMessage, Status, StatusError } from "../grpc/mod.ts";
import type { MethodHandler, ServerCall, ServerStreamCall } from "../grpc/mod.ts";
import {
  NO_METADATA,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../protocol/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import type { CommandReply } from "../router/mod.ts";
import type { ServedMethod, UserFunctionSpec } from "../userfunction/mod.ts";
import { idempotencyKey, replyHeaders, requestMetadata } from "./metadata.ts";
import type { ServingContext } from "./serving.ts";
import { Reflection, REFLECTION_SERVICES } from "./reflection/reflection.ts";

/** What is served over gRPC, by path: the methods of a specification and the reflection about them. */
export function grpcMethods(
  spec: UserFunctionSpec,
  context: ServingContext,
): ReadonlyMap<string, MethodHandler> {
  const methods = new Map<string, MethodHandler>();
  const reflection = new Reflection(spec);
  for (const service of REFLECTION_SERVICES) {
    methods.set(`/${service.typeName}/ServerReflectionInfo`, reflectionMethod(reflection, service));
  }
  for (const [name, service] of spec.services) {
    for (const method of service.methods.values()) {
      const handler =
        method.desc.methodKind === "unary" ? unaryMethod(method, context) : streamedMethod(method, context);
      methods.set(`/${name}/${method.desc.name}`, handler);
    }
  }
  return methods;
}

function unaryMethod(method: ServedMethod, context: ServingContext): MethodHandler {
  const { dispatch, maxIdempotencyKeyLength } = context;
  const takesMetadata = method.kind === "action";
  return {
    kind: "unary",
    async handle(payload, call) {
      const answered = dispatch.unary({
        method,
        payload,
        metadata: takesMetadata ? requestMetadata(call.rawHeaders) : NO_METADATA,
        idempotencyKey: idempotencyKey(call.headers, maxIdempotencyKeyLength),
        deadlineMs: call.deadlineMs,
        onCancel: (listener) => call.onCancel(listener),
      });
      const reply = await (takesMetadata ? withTrailers(call, answered) : answered);
      if (reply.metadata.length > 0) respondWith(call, reply.metadata);
      return reply.payload;
    },
  };
}

function streamedMethod(method: ServedMethod, { dispatch }: ServingContext): MethodHandler {
  const takesStream = method.desc.methodKind !== "server_streaming";
  return {
    kind: "bidi",
    handle(call) {
      const replies = dispatch.streamed({
        method,
        metadata: requestMetadata(call.rawHeaders),
        deadlineMs: call.deadlineMs,
        onCancel: (listener) => call.onCancel(listener),
        input: takesStream ? callMessages(call) : single(call),
      });
      return withTrailers(call, sendAll(call, replies));
    },
  };
}

/** Sends replies as fast as the caller takes them. */
async function sendAll(call: ServerStreamCall, replies: AsyncIterable<CommandReply>): Promise<void> {
  let isFirst = true;
  for await (const reply of replies) {
    if (isFirst) respondWith(call, reply.metadata);
    isFirst = false;
    if (!call.send(reply.payload)) await call.drained();
    if (call.over) return;
  }
  call.end();
}

/** An action's own status goes on with its trailers: they may hold what the status means. */
function withTrailers<T>(call: ServerCall, answered: Promise<T>): Promise<T> {
  return answered.catch((error: unknown) => {
    if (error instanceof CallError)
      for (const [name, value] of error.trailers) call.trailers.add(name, value);
    throw error;
  });
}

async function* single(call: ServerStreamCall): AsyncIterable<Uint8Array> {
  yield await onlyMessage(call);
}

function respondWith(call: ServerCall, metadata: Metadata): void {
  const headers = replyHeaders(metadata);
  for (let i = 0; i + 1 < headers.length; i += 2)
    call.responseMetadata.add(headers[i] ?? "", headers[i + 1] ?? "");
}

function reflectionMethod(reflection: Reflection, service: DescService): MethodHandler {
  return {
    kind: "bidi",
    handle(call) {
      const sent = new Set<string>();
      call.receive({
        onMessage: (bytes) => void answer(call, reflection, service, bytes, sent),
        onHalfClose: () => call.end(),
      });
    },
  };
}

/** Asks for no further question while the caller does not take its answers. */
async function answer(
  call: ServerStreamCall,
  reflection: Reflection,
  service: DescService,
  bytes: Uint8Array,
  sent: Set<string>,
): Promise<void> {
  let response: Uint8Array;
  try {
    const request = fromBinary(ServerReflectionRequestSchema, bytes);
    response = toBinary(ServerReflectionResponseSchema, reflection.answer(service, request, sent));
  } catch (error) {
    const text = `not a ${ServerReflectionRequestSchema.name}`;
    call.fail(new StatusError(Status.INVALID_ARGUMENT, "MALFORMED_MESSAGE", text, { cause: error }));
    return;
  }
  if (call.send(response)) return;
  call.pause();
  await call.drained();
  call.resume();
}
