// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { Metadata, metadataToWire } from "./metadata.ts";
import { serve, valueEntity } from "./mod.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { FakeValueStream } from "./test-model/fake-value-stream.ts";
import { StateSchema, ValueModel } from "./test-model/gen/model_pb.ts";
import { pipelineOf } from "./test-model/model.ts";
import { request } from "./test-model/wire.ts";
import { call } from "./testkit/mod.ts";
import type { Trace } from "./trace.ts";
import { traceOf } from "./trace.ts";

const TRACE = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "c=d" };

test("the handler of an entity reads the trace of each command", async (t) => {
  const seen: (Trace | undefined)[] = [];
  const entity = valueEntity(ValueModel, StateSchema, {
    persistenceId: "sdk-traced",
    commands: {
      process(_command, { trace }) {
        seen.push(trace);
        return { message: "" };
      },
      touch: () => undefined,
    },
  });
  const server = await serve({ entities: [entity], port: 0, handleSignals: false, log: () => undefined });
  const proxy = new FakeProxy(server.port);
  t.teardown(async () => {
    proxy.client.close();
    await server.close();
  });
  const stream = new FakeValueStream(proxy.client).init("a");
  const command = {
    $typeName: "cloudstate.Command",
    entityId: "a",
    name: "Process",
    payload: request([]),
    streamed: false,
  } as const;
  stream.send({ case: "command", value: { ...command, id: 1n, metadata: metadataToWire(TRACE) } });
  await stream.answer();
  stream.send({ case: "command", value: { ...command, id: 2n } });
  await stream.answer();
  t.deepEqual(seen, [TRACE, undefined]);
});

test("so does that of an action", async (t) => {
  const seen: (Trace | undefined)[] = [];
  const traced = pipelineOf({
    unary(_message, { trace }) {
      seen.push(trace);
      return { message: "" };
    },
  });
  await call(traced, "unary", {}, { metadata: TRACE });
  await call(traced, "unary", {});
  t.deepEqual(seen, [TRACE, undefined]);
});

test("a trace has a traceparent, and its states are one text", (t) => {
  const { traceparent, tracestate } = TRACE;
  t.deepEqual(traceOf(Metadata.of({ Traceparent: traceparent })), { traceparent });
  t.deepEqual(traceOf(Metadata.of({ traceparent, tracestate: ["a=1", "b=2"] })), {
    traceparent,
    tracestate: "a=1,b=2",
  });
  t.is(traceOf(Metadata.of({ tracestate })), undefined);
  t.is(traceOf(Metadata.empty), undefined);
});
