// SPDX-License-Identifier: Apache-2.0

/** Shows that a tracer needs no edit of what it traces: all is done by decorators of interfaces. */

import test from "ava";

import { messageTypeUrl } from "../protocol/mod.ts";
import type { Span, TraceContext, Tracer } from "../telemetry/mod.ts";
import { NO_TELEMETRY, NO_TRACER } from "../telemetry/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { startWorld } from "../../test/lib/local-proxy.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";

interface Traced {
  readonly name: string;
  readonly parent: string | undefined;
  readonly error: unknown;
}

/** Keeps finished spans in memory. */
function memoryTracer(): Tracer & { readonly spans: Traced[] } {
  const spans: Traced[] = [];
  const names = new Map<string, string>();
  return {
    spans,
    start(name, parent): Span {
      const context: TraceContext = { traceId: "1".repeat(32), spanId: `${names.size + 1}`, isSampled: true };
      names.set(context.spanId, name);
      const of = parent === undefined ? undefined : names.get(parent.spanId);
      return {
        context,
        set: () => undefined,
        end: (error) => void spans.push({ name, parent: of, error }),
      };
    },
  };
}

/** Answers every command of an entity with this action. */
function answering(action: object, events: readonly object[] = []): Script {
  return {
    spec: counterSpec(),
    onMessage({ message }, stream) {
      if (message.case !== "command") return;
      const commandId = message.value.id;
      const value = { commandId, clientAction: { action }, events };
      stream.send({ message: { case: "reply", value } } as StreamOut);
    },
  };
}

const ADD = `/${COUNTER_SERVICE}/Add`;
const PAYLOAD = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a") };

test("a command is a span, and so are the appends that it causes, as its children", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "reply", value: { payload: PAYLOAD } }, [PAYLOAD]);
  const { grpc } = await startWorld(t, script, {}, { tracer });
  await grpc.callBytes(ADD, counterRequest("a", 1));
  t.deepEqual(
    tracer.spans.map(({ name, parent }) => [name, parent]),
    [
      ["read", undefined],
      ["append", "perdure.test.Counter.Add"],
      ["perdure.test.Counter.Add", undefined],
    ],
  );
});

test("a span ends with the error of its command", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "failure", value: { description: "no" } });
  const { grpc } = await startWorld(t, script, {}, { tracer });
  await t.throwsAsync(grpc.callBytes(ADD, counterRequest("a", 1)), { message: /no$/ });
  t.like(tracer.spans.at(-1), { name: "perdure.test.Counter.Add", error: { code: "COMMAND_FAILED" } });
});

test("without a tracer a span is one frozen object", (t) => {
  const { tracer, meter } = NO_TELEMETRY;
  t.is(tracer, NO_TRACER);
  t.is(tracer.start("a", undefined), tracer.start("b", undefined));
  t.true(Object.isFrozen(tracer.start("a", undefined)));
  t.is(meter.counter("a", ""), meter.counter("b", ""));
});
