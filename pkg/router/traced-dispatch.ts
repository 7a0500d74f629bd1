// SPDX-License-Identifier: Apache-2.0

import { onceForEach } from "../base/mod.ts";
import type { Command } from "../entity/mod.ts";
import { Status, StatusError, statusName } from "../grpc/mod.ts";
import type { Span, Tracer } from "../telemetry/mod.ts";
import { ATTRIBUTES, FixedAttributes, GRPC } from "../telemetry/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";
import { methodName } from "../userfunction/mod.ts";

import type { Dispatch } from "./dispatch.ts";

/** What the spans of a method have in common. */
const beginningOf = onceForEach((method: ServedMethod) => ({
  name: methodName(method),
  options: {
    kind: "server" as const,
    attributes: new FixedAttributes({
      [ATTRIBUTES.rpcSystem]: GRPC,
      [ATTRIBUTES.rpcMethod]: `${method.service.desc.typeName}/${method.desc.name}`,
    }),
  },
}));

const OK = endOf(Status.OK);

/** Commands as spans, of which all that is done for a command is a child. */
export function tracedDispatch(dispatch: Dispatch, tracer: Tracer): Dispatch {
  let isFirst = true;
  const startSpan = ({ method, call }: Pick<Command, "method" | "call">): Span => {
    const { name, options } = beginningOf(method);
    const span = tracer.start(name, call.trace, options);
    if (span.context !== undefined) call.onSpan?.(span.context);
    if (isFirst) span.set(ATTRIBUTES.coldStart, true);
    isFirst = false;
    return span;
  };
  return {
    async unary(command) {
      const { call } = command;
      const span = startSpan(command);
      try {
        const reply = await dispatch.unary({ ...command, call: { ...call, trace: span.context } });
        endSpan(span);
        return span.context?.isSampled === true ? { ...reply, trace: span.context } : reply;
      } catch (thrown) {
        endSpan(span, thrown);
        throw thrown;
      }
    },
    async *streamed(command) {
      const { call } = command;
      const span = startSpan(command);
      let failure: unknown;
      try {
        yield* dispatch.streamed({ ...command, call: { ...call, trace: span.context } });
      } catch (thrown) {
        failure = thrown;
        throw thrown;
      } finally {
        endSpan(span, failure);
      }
    },
  };
}

function endSpan(span: Span, failure?: unknown): void {
  span.end(failure, failure === undefined ? OK : endOf(statusOf(failure)));
}

function endOf(status: Status): FixedAttributes {
  return new FixedAttributes({ [ATTRIBUTES.rpcStatus]: statusName(status) });
}

function statusOf(failure: unknown): Status {
  return failure instanceof StatusError ? failure.status : Status.UNKNOWN;
}
