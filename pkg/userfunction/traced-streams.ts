// SPDX-License-Identifier: Apache-2.0

import { decorate } from "../base/mod.ts";
import { Status, StatusError, statusName } from "../grpc/mod.ts";
import type { Tracer } from "../telemetry/mod.ts";
import { ATTRIBUTES, GRPC } from "../telemetry/mod.ts";

import type { StreamOpener } from "./user-function.ts";

const CLIENT = { kind: "client" } as const;

/** Streams to the user function, whose unary calls are spans. */
export function tracedStreams(streams: StreamOpener, tracer: Tracer): StreamOpener {
  return decorate(streams, {
    async unary(path, bytes, options) {
      const span = tracer.start("user function", options.trace, CLIENT);
      span.set(ATTRIBUTES.rpcSystem, GRPC);
      span.set(ATTRIBUTES.rpcMethod, path.slice(1));
      try {
        const reply = await streams.unary(path, bytes, { ...options, trace: span.context });
        span.set(ATTRIBUTES.rpcStatus, statusName(Status.OK));
        span.end();
        return reply;
      } catch (thrown) {
        if (thrown instanceof StatusError) span.set(ATTRIBUTES.rpcStatus, statusName(thrown.status));
        span.end(thrown);
        throw thrown;
      }
    },
  });
}
