// SPDX-License-Identifier: Apache-2.0

import type { DescService } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";

import type { CallContext, StreamEnd } from "../call/mod.ts";
import type { BidiMethod, MethodHandler, ServerCall, ServerStreamCall } from "../grpc/mod.ts";
import { CallError, callMessages, onlyMessage, StatusError } from "../grpc/mod.ts";
import type { Metadata } from "../protocol/mod.ts";
import {
  NO_METADATA,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../protocol/mod.ts";
import type { Command, CommandReply } from "../router/mod.ts";
import type { TraceReader } from "../telemetry/mod.ts";
import { traceReader } from "../telemetry/mod.ts";
import type { ServedMethod, UserFunctionSpec } from "../userfunction/mod.ts";

import { callMetadata, idempotencyKey, replyMetadata, replyTrailers } from "./metadata.ts";
import { notOwnMessage, readOwnMessage } from "./own-message.ts";
import { REFLECTION_SERVICES, Reflection } from "./reflection/reflection.ts";
import { checked, requiredFieldsCheck } from "./required-fields.ts";
import type { ServingContext } from "./serving.ts";
import { DETAILS_TRAILER, statusDetails } from "./status-details.ts";

/** The methods that are served over gRPC, by path: those of a specification, and server reflection about them. */
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
  const { dispatch, maxIdempotencyKeyLength, maxRequestFields } = context;
  const { takesMetadata } = method.service;
  const check = requiredFieldsCheck(method.desc, maxRequestFields);
  const readTrace = traceReader(context.telemetry);
  return {
    kind: "unary",
    async handle(payload, call) {
      try {
        check?.(payload);
        const command: Command = {
          method,
          payload,
          call: contextOf(
            call,
            takesMetadata ? callMetadata(call) : NO_METADATA,
            idempotencyKey(call.headers, maxIdempotencyKeyLength),
            readTrace,
          ),
        };
        const reply = await dispatch.unary(command);
        if (reply.metadata.length > 0) {
          addAll(call.responseMetadata, replyMetadata(reply.metadata));
          addAll(call.trailers, replyTrailers(reply.metadata));
        }
        return reply.payload;
      } catch (error) {
        throw withMetadata(call, error);
      }
    },
  };
}

function contextOf(
  call: ServerCall,
  metadata: Metadata,
  key: CallContext["idempotencyKey"],
  readTrace: TraceReader | undefined,
): CallContext {
  const { deadlineMs, bytes } = call;
  return {
    metadata,
    idempotencyKey: key,
    deadlineMs,
    onCancel: (listener) => call.onCancel(listener),
    bytes,
    trace: readTrace?.(call.headers),
    onSpan: readTrace && ((span) => call.inSpan(span)),
  };
}

/** The handler of an action's method with a stream in either direction, or both. */
export function streamedMethod(method: ServedMethod, context: ServingContext): BidiMethod {
  const { dispatch, telemetry, maxRequestFields } = context;
  const takesStream = method.desc.methodKind !== "server_streaming";
  const check = requiredFieldsCheck(method.desc, maxRequestFields);
  const readTrace = traceReader(telemetry);
  return {
    kind: "bidi",
    takesOne: !takesStream,
    handle(call) {
      const messages = takesStream ? callMessages(call) : single(call);
      const end: { given?: StreamEnd } = {};
      const replies = dispatch.streamed({
        method,
        onEnd: (given) => void (end.given = given),
        call: contextOf(call, callMetadata(call), undefined, readTrace),
        input: check === undefined ? messages : checked(messages, check),
      });
      return sendAll(call, replies, end);
    },
  };
}

/**
 * Sends replies as fast as the caller takes them. The trailers are those of the stream's end, else those of the last
 * reply that has any. Headers of the end are sent only if there is no reply.
 */
async function sendAll(
  call: ServerStreamCall,
  replies: AsyncIterable<CommandReply>,
  end: { readonly given?: StreamEnd },
): Promise<void> {
  let isFirst = true;
  let trailers = NO_METADATA;
  try {
    for await (const { payload, metadata } of replies) {
      if (metadata.length > 0) {
        if (isFirst) addAll(call.responseMetadata, replyMetadata(metadata));
        const own = replyTrailers(metadata);
        if (own.length > 0) trailers = own;
      }
      isFirst = false;
      if (!call.send(payload)) await call.drained();
      if (call.over) return;
    }
  } catch (error) {
    throw withMetadata(call, error);
  }
  if (isFirst && end.given !== undefined) addAll(call.responseMetadata, end.given.metadata);
  const ended = end.given?.trailers ?? NO_METADATA;
  addAll(call.trailers, ended.length > 0 ? ended : trailers);
  call.end();
}

/**
 * Adds metadata to a failed call. An action's own status keeps its metadata and trailers, because they may explain
 * the status. Any other error gets its code as a detail, where programs look for one.
 */
function withMetadata(call: ServerCall, error: unknown): unknown {
  if (error instanceof CallError) {
    copy(error.metadata, call.responseMetadata);
    copy(error.trailers, call.trailers);
  } else if (error instanceof StatusError) {
    const details = statusDetails(error);
    if (details !== undefined) call.trailers.add(DETAILS_TRAILER, details);
  }
  return error;
}

async function* single(call: ServerStreamCall): AsyncIterable<Uint8Array> {
  yield await onlyMessage(call);
}

function copy(from: ServerCall["metadata"], to: ServerCall["trailers"]): void {
  for (const [name, value] of from) to.add(name, value);
}

function addAll(to: ServerCall["trailers"], metadata: Metadata): void {
  for (const { key, value } of metadata) to.add(key, value);
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

/** Answers one question. No further question is read while the caller does not take its answers. */
async function answer(
  call: ServerStreamCall,
  reflection: Reflection,
  service: DescService,
  bytes: Uint8Array,
  sent: Set<string>,
): Promise<void> {
  let response: Uint8Array;
  try {
    const request = readOwnMessage(ServerReflectionRequestSchema, bytes);
    response = toBinary(ServerReflectionResponseSchema, reflection.answer(service, request, sent));
  } catch (error) {
    call.fail(error instanceof StatusError ? error : notOwnMessage(ServerReflectionRequestSchema, error));
    return;
  }
  if (call.send(response)) return;
  call.pause();
  await call.drained();
  call.resume();
}
