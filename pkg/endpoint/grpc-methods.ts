// SPDX-License-Identifier: Apache-2.0

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescService } from "@bufbuild/protobuf";

import { Status, StatusError } from "../grpc/mod.ts";
import type { MethodHandler, ServerStreamCall } from "../grpc/mod.ts";
import { ServerReflectionRequestSchema, ServerReflectionResponseSchema } from "../protocol/mod.ts";
import type { Dispatch } from "../router/mod.ts";
import type { EntityMethod, UserFunctionSpec } from "../userfunction/mod.ts";
import { Reflection, REFLECTION_SERVICES } from "./reflection/reflection.ts";

/** What is served over gRPC, by path: the methods of a specification and the reflection about them. */
export function grpcMethods(spec: UserFunctionSpec, dispatch: Dispatch): ReadonlyMap<string, MethodHandler> {
  const methods = new Map<string, MethodHandler>();
  const reflection = new Reflection(spec);
  for (const service of REFLECTION_SERVICES) {
    methods.set(`/${service.typeName}/ServerReflectionInfo`, reflectionMethod(reflection, service));
  }
  for (const [name, service] of spec.services) {
    for (const method of service.methods.values()) {
      methods.set(`/${name}/${method.desc.name}`, entityMethod(method, dispatch));
    }
  }
  return methods;
}

function entityMethod(method: EntityMethod, dispatch: Dispatch): MethodHandler {
  return {
    kind: "unary",
    async handle(payload, call) {
      const onCancel = (listener: () => void): void => call.onCancel(listener);
      const reply = await dispatch({ method, payload, deadlineMs: call.deadlineMs, onCancel });
      return reply.payload;
    },
  };
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
