// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";

import type { MethodHandler, ServerStreamCall } from "../../grpc/mod.ts";
import { onlyMessage, Status } from "../../grpc/mod.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthV1,
} from "../../protocol/mod.ts";

import { endpointError, proxyStopping } from "../endpoint-error.ts";
import { readOwnMessage } from "../own-message.ts";
import type { Health, Serving } from "./health.ts";

/** The methods of `grpc.health.v1.Health`, by path. */
export function healthMethods(health: Health): ReadonlyMap<string, MethodHandler> {
  return new Map<string, MethodHandler>([
    [pathOf("check"), { kind: "unary", isReserved: true, handle: async (request) => check(health, request) }],
    [pathOf("list"), { kind: "unary", isReserved: true, handle: async () => list(health) }],
    [pathOf("watch"), { kind: "bidi", takesOne: true, handle: (call) => watch(health, call) }],
  ]);
}

function pathOf(name: keyof typeof HealthV1.method): string {
  return `/${HealthV1.typeName}/${HealthV1.method[name].name}`;
}

const STATUS: Readonly<Record<Serving, HealthCheckResponse_ServingStatus>> = {
  serving: HealthCheckResponse_ServingStatus.SERVING,
  "not-serving": HealthCheckResponse_ServingStatus.NOT_SERVING,
  unknown: HealthCheckResponse_ServingStatus.SERVICE_UNKNOWN,
};

function check(health: Health, request: Uint8Array): Uint8Array {
  const service = readService(request);
  const serving = health.of(service);
  if (serving !== "unknown") return encode(serving);
  throw endpointError(Status.NOT_FOUND, "UNKNOWN_SERVICE", `there is no service ${service.slice(0, 200)}`);
}

function list(health: Health): Uint8Array {
  const statuses = Object.fromEntries(
    health
      .names()
      .map((name) => [name, create(HealthCheckResponseSchema, { status: STATUS[health.of(name)] })]),
  );
  return toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses }));
}

/** Sends each change of a service's status; a caller who reads slowly gets only the newest. */
async function watch(health: Health, call: ServerStreamCall): Promise<void> {
  const service = readService(await onlyMessage(call));
  let told: Serving | undefined;
  let isHeld = false;
  const tell = (): void => {
    if (isHeld || call.over) return;
    const serving = health.of(service);
    if (serving !== told) {
      told = serving;
      isHeld = !call.send(encode(serving));
    }
    if (health.stopping) call.fail(proxyStopping());
    else if (isHeld) void call.drained().then(release);
  };
  const release = (): void => {
    isHeld = false;
    tell();
  };
  // Until the call ends, which only its caller or the end of the server does.
  call.onCancel(health.watch(tell));
  tell();
}

function readService(request: Uint8Array): string {
  return readOwnMessage(HealthCheckRequestSchema, request).service;
}

function encode(serving: Serving): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: STATUS[serving] }));
}
