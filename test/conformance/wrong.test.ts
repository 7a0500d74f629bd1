// SPDX-License-Identifier: Apache-2.0

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { ActionResponseSchema } from "../../pkg/protocol/gen/cloudstate/action_pb.ts";
import { MetadataSchema } from "../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import type { EventSourcedReply } from "../../pkg/protocol/gen/cloudstate/event_sourced_pb.ts";
import {
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
} from "../../pkg/protocol/gen/cloudstate/event_sourced_pb.ts";
import { actionModelGroup } from "./cases/action-model.ts";
import { actionProxyGroup } from "./cases/action-proxy.ts";
import { eventSourcedModelGroup } from "./cases/event-sourced-model.ts";
import { eventSourcedProxyGroup } from "./cases/event-sourced-proxy.ts";
import { reflectionGroup } from "./cases/reflection.ts";
import { PersistedSchema } from "./gen/cloudstate/tck/model/eventsourced_pb.ts";
import { pack } from "./kinds/answer.ts";
import { eventSourcedKind } from "./kinds/event-sourced.ts";
import type { Group } from "./suite/case.ts";
import type { Result, Sides } from "./suite/run-cases.ts";
import { runCases, runnable } from "./suite/run-cases.ts";
import { proxyBefore, serviceAt, startModel } from "./test-lib/pair.ts";
import type { Tamper } from "./wire/interceptor.ts";

// A fault must make the suite fail, in the cases about it and in no others.

async function failures(groups: readonly Group[], sides: Partial<Sides>): Promise<Map<string, Result>> {
  const both = { service: undefined, proxy: undefined, ...sides };
  const failed = new Map<string, Result>();
  for await (const result of runCases(runnable(groups), both)) {
    if (result.verdict.kind !== "passed") failed.set(result.name, result);
  }
  return failed;
}

function shown(result: Result | undefined): { readonly expected: string; readonly actual: string } {
  if (result?.verdict.kind !== "failed") throw new Error("the case did not fail");
  const { expected = "", actual = "" } = result.verdict.error;
  return { expected, actual };
}

/** Changes the replies of event sourced entities. */
function changeReplies(change: (reply: EventSourcedReply) => void): Tamper {
  return (path, from, bytes) => {
    if (path !== eventSourcedKind.path || from !== "service") return bytes;
    const out = fromBinary(EventSourcedStreamOutSchema, bytes);
    if (out.message.case === "reply") change(out.message.value);
    return toBinary(EventSourcedStreamOutSchema, out);
  };
}

test("a user function that sends a snapshot without events", async (t) => {
  const tamper = changeReplies((reply) => {
    const action = reply.clientAction?.action;
    if (action?.case !== "reply" || reply.events.length > 0) return;
    // The bytes are those of a Response, which are the same for a Persisted with this value.
    const { value } = fromBinary(PersistedSchema, action.value.payload?.value ?? new Uint8Array());
    if (value.length === 5) reply.snapshot = pack(PersistedSchema, { value });
  });
  const service = await serviceAt(t, await startModel(t), tamper);
  const failed = await failures([eventSourcedModelGroup], { service });
  t.deepEqual([...failed.keys()], ["initial snapshot"]);
  const { expected, actual } = shown(failed.get("initial snapshot"));
  t.notRegex(expected, /"snapshot"/);
  t.regex(actual, /"snapshot": \{\s+"value": "ABCDE",\s+"@type": "[^"]+Persisted"/);
});

test("a user function that sends the events of a command that failed", async (t) => {
  const tamper = changeReplies((reply) => {
    const action = reply.clientAction?.action;
    const isAfterEmits = action?.case === "failure" && action.value.restart;
    if (isAfterEmits) reply.events.push(pack(PersistedSchema, { value: "4" }));
  });
  const service = await serviceAt(t, await startModel(t), tamper);
  const failed = await failures([eventSourcedModelGroup], { service });
  t.deepEqual([...failed.keys()], ["failure after emits keeps no events"]);
});

test("a user function that puts empty metadata on what it forwards", async (t) => {
  const service = await serviceAt(t, await startModel(t), (path, from, bytes) => {
    if (!path.endsWith("ActionProtocol/handleUnary") || from !== "service") return bytes;
    const out = fromBinary(ActionResponseSchema, bytes);
    if (out.response.case === "forward") out.response.value.metadata = create(MetadataSchema);
    return toBinary(ActionResponseSchema, out);
  });
  const failed = await failures([actionModelGroup], { service });
  t.deepEqual(
    [...failed.keys()],
    [
      "unary forward",
      "unary forward with side effect",
      "unary forward with synchronous side effect",
      "unary forward with several side effects",
    ],
  );
  const { expected, actual } = shown(failed.get("unary forward"));
  t.notRegex(expected, /"metadata"/);
  t.regex(actual, /"metadata": \{\}/);
});

test("a proxy that sends metadata to entities", async (t) => {
  const proxy = await proxyBefore(t, await startModel(t), (path, from, bytes) => {
    if (path !== eventSourcedKind.path || from !== "proxy") return bytes;
    const given = fromBinary(EventSourcedStreamInSchema, bytes);
    if (given.message.case === "command") given.message.value.metadata = create(MetadataSchema);
    return toBinary(EventSourcedStreamInSchema, given);
  });
  const failed = await failures([reflectionGroup, actionProxyGroup, eventSourcedProxyGroup], { proxy });
  t.deepEqual(
    [...failed.keys()],
    eventSourcedProxyGroup.cases.map(({ name }) => name),
  );
  t.regex(shown(failed.get("state changes")).actual, /"metadata": \{\}/);
});

test("a proxy that discovers its user function again", async (t) => {
  const model = await startModel(t);
  const proxy = await proxyBefore(t, model);
  const again = await serviceAt(t, `127.0.0.1:${proxy.interceptor.port}`);
  t.true(again.spec.entities.length > 0);
  const failed = await failures([reflectionGroup], { proxy });
  const [result] = failed.values();
  t.is(shown(result).actual, "/cloudstate.EntityDiscovery/discover");
});
