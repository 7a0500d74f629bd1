// SPDX-License-Identifier: Apache-2.0

import type { Tracer } from "../telemetry/mod.ts";
import { inSpan } from "../telemetry/mod.ts";
import { methodName } from "../userfunction/mod.ts";

import type { Dispatch } from "./command.ts";

/** Commands as spans, of which all that is done for a command is a child. */
export function tracedDispatch(dispatch: Dispatch, tracer: Tracer): Dispatch {
  return {
    unary: (command) =>
      inSpan(tracer, methodName(command.method), command.call.trace, (trace) =>
        dispatch.unary({ ...command, call: { ...command.call, trace } }),
      ),
    async *streamed(command) {
      const span = tracer.start(methodName(command.method), command.call.trace);
      let failure: unknown;
      try {
        yield* dispatch.streamed({ ...command, call: { ...command.call, trace: span.context } });
      } catch (thrown) {
        failure = thrown;
        throw thrown;
      } finally {
        span.end(failure);
      }
    },
  };
}
