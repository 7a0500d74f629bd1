// SPDX-License-Identifier: Apache-2.0
//
// Forwards, side effects and reply metadata of event sourced entities, on the wire.

import test from "ava";

import type { RunningServer } from "./mod.ts";
import { serve } from "./mod.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { modelEntity, otherAction } from "./test-model/model.ts";
import { effect, emit, fail, forward, metadata, synchronousEffect, wait } from "./test-model/wire.ts";

const OTHER = "perdure.sdk.test.Other/Call";

let server: RunningServer;
let proxy: FakeProxy;

test.before(async () => {
  server = await serve({ entities: [modelEntity(), otherAction()], port: 0, handleSignals: false });
  proxy = new FakeProxy(server.port);
});

test.after.always(async () => {
  proxy.client.close();
  await server.close();
});

test("a forward answers in place of a reply, alone and with events and a snapshot", async (t) => {
  const entity = proxy.activate("forward");
  t.deepEqual(await entity.process(forward("a")), { forward: `${OTHER} a` });
  t.deepEqual(await entity.process(emit("A"), forward("b")), { forward: `${OTHER} b`, events: ["A"] });
  t.deepEqual(await entity.process(emit("B"), emit("C"), emit("D"), emit("E"), forward("c")), {
    forward: `${OTHER} c`,
    events: ["B", "C", "D", "E"],
    snapshot: "ABCDE",
  });
});

test("effects come in order, synchronous where that was asked, with whatever answer", async (t) => {
  const entity = proxy.activate("effects");
  t.deepEqual(await entity.process(effect("a"), synchronousEffect("b"), wait, effect("c")), {
    reply: "",
    effects: [`${OTHER} a`, `${OTHER} b!`, `${OTHER} c`],
  });
  t.deepEqual(await entity.process(emit("A"), effect("d"), forward("e")), {
    forward: `${OTHER} e`,
    effects: [`${OTHER} d`],
    events: ["A"],
  });
  t.deepEqual(await entity.process(), { reply: "A" });
});

test("a failure drops effects and events", async (t) => {
  const entity = proxy.activate("dropped");
  t.deepEqual(await entity.process(effect("a"), fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(emit("A"), effect("a"), fail("no")), { failure: "no", restart: true });
});

test("a reply's metadata is text or bytes", async (t) => {
  const entity = proxy.activate("metadata");
  t.deepEqual(await entity.process(metadata("ö")), {
    reply: "with metadata",
    metadata: [
      ["x-test", "ö"],
      ["x-test-bin", Buffer.from("ö")],
    ],
  });
});

test("a forward and an effect have no metadata unless there is some", async (t) => {
  const entity = proxy.activate("exact");
  entity.command([effect("a"), forward("b")]);
  const out = await entity.next();
  const payload = (id: string) => ({
    $typeName: "google.protobuf.Any",
    typeUrl: "type.googleapis.com/perdure.sdk.test.OtherRequest",
    value: Buffer.from([0x0a, 1, id.charCodeAt(0)]),
  });
  t.deepEqual<unknown, unknown>(out !== "end" && out.message.value, {
    $typeName: "cloudstate.eventsourced.EventSourcedReply",
    commandId: 1n,
    clientAction: {
      $typeName: "cloudstate.ClientAction",
      action: {
        case: "forward",
        value: {
          $typeName: "cloudstate.Forward",
          serviceName: "perdure.sdk.test.Other",
          commandName: "Call",
          payload: payload("b"),
        },
      },
    },
    sideEffects: [
      {
        $typeName: "cloudstate.SideEffect",
        serviceName: "perdure.sdk.test.Other",
        commandName: "Call",
        payload: payload("a"),
        synchronous: false,
      },
    ],
    events: [],
  });
});

test("a target that the server does not serve breaks the command, not the log", async (t) => {
  const lines: string[] = [];
  const alone = await serve({
    entities: [modelEntity()],
    port: 0,
    handleSignals: false,
    log: (line) => lines.push(line),
  });
  t.teardown(() => alone.close());
  const other = new FakeProxy(alone.port);
  t.teardown(() => other.client.close());
  const entity = other.activate("unknown-target");
  t.deepEqual(await entity.process(emit("A"), effect("a")), {
    broken: `Unexpected failure: ${OTHER} is not among the methods that this server serves`,
    commandId: 1,
  });
  t.true(lines.some((line) => line.includes("UNKNOWN_METHOD")));
});
