// SPDX-License-Identifier: Apache-2.0

import { decorate } from "../base/mod.ts";
import type { Tracer } from "../telemetry/mod.ts";
import { inSpan } from "../telemetry/mod.ts";

import type { StreamOpener } from "./user-function.ts";

/** Streams to the user function, whose unary calls are spans. */
export function tracedStreams(streams: StreamOpener, tracer: Tracer): StreamOpener {
  return decorate(streams, {
    unary: (path, bytes, options) =>
      inSpan(tracer, `user function ${path}`, options.trace, () => streams.unary(path, bytes, options)),
  });
}
