// SPDX-License-Identifier: Apache-2.0

import { create, createFileRegistry, fromBinary, getExtension, hasExtension } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";

import { pack } from "./any.ts";
import type { RunningServer } from "./mod.ts";
import { eventSourced, serve } from "./mod.ts";
import manifest from "./package.json" with { type: "json" };
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { entity_key } from "./test-model/gen/cloudstate/entity_key_pb.ts";
import {
  AppendedSchema,
  Model,
  RequestSchema,
  StateSchema,
  UnhandledSchema,
} from "./test-model/gen/model_pb.ts";
import { modelEntity } from "./test-model/model.ts";
import { crash, emit, fail, wait } from "./test-model/wire.ts";

const lines: string[] = [];
let server: RunningServer;
let proxy: FakeProxy;

test.before(async () => {
  server = await serve({
    entities: [modelEntity()],
    port: 0,
    serviceName: "model",
    handleSignals: false,
    log: (line) => lines.push(line),
  });
  proxy = new FakeProxy(server.port);
});

test.after.always(async () => {
  proxy.client.close();
  await server.close();
});

// The event sourced cases of Cloudstate's compatibility kit.

test("an entity begins with the empty state", async (t) => {
  const entity = proxy.activate("initial");
  t.deepEqual(await entity.process(), { reply: "" });
});

test("a single event is applied, returned, and not sent back", async (t) => {
  const entity = proxy.activate("single");
  t.deepEqual(await entity.process(emit("A")), { reply: "A", events: ["A"] });
  t.deepEqual(await entity.process(), { reply: "A" });
});

test("several events of one command come in order", async (t) => {
  const entity = proxy.activate("several");
  t.deepEqual(await entity.process(emit("A"), emit("B"), emit("C")), {
    reply: "ABC",
    events: ["A", "B", "C"],
  });
  t.deepEqual(await entity.process(emit("D"), emit("E")), {
    reply: "ABCDE",
    events: ["D", "E"],
    snapshot: "ABCDE",
  });
});

test("a snapshot comes with the event that reaches a multiple, and with the command that passes one", async (t) => {
  const entity = proxy.activate("snapshots");
  for (const value of ["A", "B", "C", "D"])
    t.false("snapshot" in ((await entity.process(emit(value))) as object));
  t.deepEqual(await entity.process(emit("E")), { reply: "ABCDE", events: ["E"], snapshot: "ABCDE" });
  t.deepEqual(await entity.process(emit("F"), emit("G"), emit("H")), {
    reply: "ABCDEFGH",
    events: ["F", "G", "H"],
  });
  t.deepEqual(await entity.process(emit("I"), emit("J"), emit("K")), {
    reply: "ABCDEFGHIJK",
    events: ["I", "J", "K"],
    snapshot: "ABCDEFGHIJK",
  });
});

test("a snapshot is the state to begin with, and counts its events", async (t) => {
  const entity = proxy.activate("from-snapshot", { snapshot: { sequence: 9, value: "ABCDEFGHI" } });
  t.deepEqual(await entity.process(), { reply: "ABCDEFGHI" });
  t.deepEqual(await entity.process(emit("J")), {
    reply: "ABCDEFGHIJ",
    events: ["J"],
    snapshot: "ABCDEFGHIJ",
  });
});

test("the events after a snapshot are applied to it", async (t) => {
  const snapshot = { sequence: 5, value: "ABCDE" };
  const entity = proxy.activate("snapshot-and-events", { snapshot, events: ["F", "G", "H"] });
  t.deepEqual(await entity.process(), { reply: "ABCDEFGH" });
});

test("an entity that was passivated comes back from its events, and the streams end without an error", async (t) => {
  const first = proxy.activate("rehydrated");
  await first.process(emit("A"), emit("B"));
  t.is(await first.end(), "end");

  const second = proxy.activate("rehydrated", { events: ["A", "B"] });
  t.deepEqual(await second.process(), { reply: "AB" });
  t.is(await second.end(), "end");
});

test("a refused command is a failure of that command, and the connection goes on", async (t) => {
  const entity = proxy.activate("refused");
  t.deepEqual(await entity.process(fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(emit("A")), { reply: "A", events: ["A"] });
});

test("the failure names the command, and has no metadata, effects, or snapshot", async (t) => {
  const entity = proxy.activate("exact-failure");
  await entity.process();
  entity.command([fail("no")]);
  const out = await entity.next();
  t.deepEqual(out !== "end" && out.message, {
    case: "reply",
    value: {
      $typeName: "cloudstate.eventsourced.EventSourcedReply",
      commandId: 2n,
      clientAction: {
        $typeName: "cloudstate.ClientAction",
        action: {
          case: "failure",
          value: {
            $typeName: "cloudstate.Failure",
            commandId: 2n,
            description: "no",
            restart: false,
            grpcStatus: 0,
          },
        },
      },
      sideEffects: [],
      events: [],
    },
  });
});

test("a failure after events keeps none of them and asks for a restart", async (t) => {
  const entity = proxy.activate("failed-after-emit", { events: ["A", "B", "C", "D"] });
  t.deepEqual(await entity.process(emit("E"), emit("F"), fail("no")), { failure: "no", restart: true });
  // Even a proxy that does not restart the entity finds the state from before the failure.
  t.deepEqual(await entity.process(), { reply: "ABCD" });
});

test("a reply has no metadata, effects or events unless there are some", async (t) => {
  const entity = proxy.activate("exact-reply");
  entity.command([]);
  const out = await entity.next();
  t.deepEqual(out !== "end" && out.message.case === "reply" && out.message.value, {
    $typeName: "cloudstate.eventsourced.EventSourcedReply",
    commandId: 1n,
    clientAction: {
      $typeName: "cloudstate.ClientAction",
      action: {
        case: "reply",
        value: {
          $typeName: "cloudstate.Reply",
          payload: {
            $typeName: "google.protobuf.Any",
            typeUrl: "type.googleapis.com/perdure.sdk.test.Response",
            value: new Uint8Array(0),
          },
        },
      },
    },
    sideEffects: [],
    events: [],
  });
});

// Cases that the kit does not cover.

test("a handler that returns nothing answers Empty", async (t) => {
  const entity = proxy.activate("empty");
  entity.command([emit("A")], { name: "Touch" });
  t.deepEqual(await entity.answer(), { reply: "empty", events: ["A"] });
});

test("commands that were sent ahead are handled one after the other, in order", async (t) => {
  const entity = proxy.activate("pipelined");
  entity.command([emit("A"), wait, wait, emit("B")]);
  entity.command([emit("C")]);
  entity.call.end();
  t.deepEqual(await entity.answer(), { reply: "AB", events: ["A", "B"] });
  t.deepEqual(await entity.answer(), { reply: "ABC", events: ["C"] });
  t.is(await entity.answer(), "end");
});

test("an async handler that fails later is refused as a sync one is", async (t) => {
  const entity = proxy.activate("later");
  t.deepEqual(await entity.process(wait, fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(emit("A"), wait, fail("no")), { failure: "no", restart: true });
});

test("a handler that throws ends the stream, and the developer is told once: where, what, and the stack", async (t) => {
  for (const steps of [
    [emit("A"), crash("boom 1")],
    [wait, crash("boom 2")],
  ]) {
    const entity = proxy.activate("thrower");
    await entity.process();
    const text = String(steps[1]?.value);
    t.deepEqual(await entity.process(...steps), { broken: `Unexpected failure: ${text}`, commandId: 2 });
    t.is(await entity.answer(), "end");
    const said = lines.filter((line) => line.includes(text));
    t.is(said.length, 1);
    const where = "perdure.sdk.test.Model/Process, entity sdk-model/thrower";
    t.true(said[0]?.startsWith(`perdure: Unexpected failure in ${where}: RangeError: ${text}\n`), said[0]);
    t.regex(said[0] ?? "", /^ {4}at .*model\.ts:/m);
  }
});

test("an entity's id cannot tell the terminal of its developer what to do", async (t) => {
  await proxy.activate("\u001b[2Jx\n").process(crash("boom of a strange one"));
  const said = lines.find((line) => line.includes("boom of a strange one"));
  t.true(said?.includes(String.raw`entity sdk-model/'\x1B[2Jx\n': RangeError`), said);
});

test("one broken entity leaves the others alone", async (t) => {
  const good = proxy.activate("good");
  await good.process(emit("A"));
  await proxy.activate("bad").process(crash("boom"));
  t.deepEqual(await good.process(), { reply: "A" });
});

test("a caller that goes away in the middle of a command leaves the server alone", async (t) => {
  const entity = proxy.activate("gone");
  entity.call.on("error", () => undefined);
  entity.command([wait, wait, wait]);
  entity.call.cancel();
  t.deepEqual(await proxy.activate("still-there").process(emit("A")), { reply: "A", events: ["A"] });
});

test("a message above maxMessageBytes fails its stream only", async (t) => {
  const small = await serve({
    entities: [modelEntity()],
    port: 0,
    maxMessageBytes: 1000,
    handleSignals: false,
  });
  const other = new FakeProxy(small.port);
  const good = other.activate("small");
  await good.process(emit("A"));
  const large = other.activate("large");
  await t.throwsAsync(large.process(emit("x".repeat(2000))), { message: /RESOURCE_EXHAUSTED/ });
  t.deepEqual(await good.process(), { reply: "A" });
  other.client.close();
  await small.close();
});

test("bytes that are no message fail their stream only", async (t) => {
  const bytes = (value: Uint8Array): Buffer => Buffer.from(value);
  const call = proxy.client.makeBidiStreamRequest(
    "/cloudstate.eventsourced.EventSourced/handle",
    bytes,
    bytes,
  );
  const answer = call[Symbol.asyncIterator]().next();
  call.write(Uint8Array.of(0xff));
  await t.throwsAsync(answer, { message: /INTERNAL/ });
  t.deepEqual(await proxy.activate("after-garbage").process(), { reply: "" });
});

const request = pack(RequestSchema, create(RequestSchema));
const INVALID_ARGUMENT = 3;
const garbage = { ...request, value: Uint8Array.of(0xff) };

const breaches: Record<string, { send: (stream: ReturnType<FakeProxy["open"]>) => void; text: string }> = {
  "a command before init": { send: (s) => s.command([]), text: "a command before init" },
  "an event before init": { send: (s) => s.event(1, "A"), text: "an event before init" },
  "a message without content": {
    send: (s) => s.send({ case: undefined }),
    text: "a message without content",
  },
  "init twice": {
    send: (s) => {
      s.init("a");
      s.init("a");
    },
    text: "init came twice",
  },
  "an unknown service": { send: (s) => s.init("a", undefined, "nobody"), text: "unknown service nobody" },
  "a gap in the events": {
    send: (s) => {
      s.init("a", { sequence: 5, value: "" });
      s.event(7, "A");
    },
    text: "event 7 follows event 5",
  },
  "an event without a handler": {
    send: (s) => {
      s.init("a");
      s.event(1, pack(UnhandledSchema, create(UnhandledSchema)));
    },
    text: "event 1 of sdk-model is a perdure.sdk.test.Unhandled, which has no event handler",
  },
  "an event that is garbage": {
    send: (s) => {
      s.init("a");
      s.event(1, { ...garbage, typeUrl: `type.googleapis.com/${AppendedSchema.typeName}` });
    },
    text: "event 1 of sdk-model carries bytes that are no perdure.sdk.test.Appended",
  },
  "an unknown command": {
    send: (s) => {
      s.init("a");
      s.command([], { name: "Nothing" });
    },
    text: "perdure.sdk.test.Model has no Nothing",
  },
  "a command for another entity": {
    send: (s) => {
      s.init("a");
      s.command([], { entityId: "b" });
    },
    text: "a command for entity b on the stream of a",
  },
  "a command with another message": {
    send: (s) => {
      s.init("a");
      s.command([], { payload: { ...request, typeUrl: "type.googleapis.com/other" } });
    },
    text: "command Process carries type.googleapis.com/other, not perdure.sdk.test.Request",
  },
};

for (const [name, { send, text }] of Object.entries(breaches)) {
  test(`${name} is a protocol error and ends the stream`, async (t) => {
    const stream = proxy.open();
    send(stream);
    const answer = await stream.answer();
    t.true(
      typeof answer === "object" && "broken" in answer && answer.broken.startsWith(`Protocol error: ${text}`),
    );
    t.is(await stream.answer(), "end");
  });
}

test("a command whose bytes cannot be decoded is refused, and the next command on its stream is answered (I12)", async (t) => {
  const entity = proxy.activate("garbled");
  await entity.process(emit("A"));
  entity.command([], { payload: garbage });
  const answer = await entity.answer();
  t.like(answer, { status: INVALID_ARGUMENT });
  const text = JSON.stringify(answer);
  t.true(text.includes("command Process carries bytes that are no perdure.sdk.test.Request"), text);
  t.false(text.includes("broken"), text);
  t.deepEqual(await entity.process(emit("B")), { reply: "AB", events: ["B"] });
});

test("an event after a command is a protocol error", async (t) => {
  const entity = proxy.activate("late-event");
  await entity.process();
  entity.event(1, "A");
  t.deepEqual(await entity.answer(), { broken: "Protocol error: an event after a command", commandId: 0 });
});

// Discovery.

const proxyInfo = {
  protocolMajorVersion: 0,
  protocolMinorVersion: 2,
  proxyName: "fake",
  proxyVersion: "1.0",
  supportedEntityTypes: ["cloudstate.eventsourced.EventSourced"],
};

test("discovery says what is served, by whom, and in which protocol", async (t) => {
  const { entities, serviceInfo } = await proxy.discover(proxyInfo);
  t.is(entities.length, 1);
  t.like(entities, [
    {
      entityType: "cloudstate.eventsourced.EventSourced",
      serviceName: "perdure.sdk.test.Model",
      persistenceId: "sdk-model",
      passivationStrategy: { strategy: { case: "timeout", value: { timeout: 100n } } },
    },
  ]);
  t.like(serviceInfo, {
    serviceName: "model",
    serviceRuntime: `node ${process.version}`,
    supportLibraryName: "@perdure/sdk",
    supportLibraryVersion: manifest.version,
    protocolMajorVersion: 0,
    protocolMinorVersion: 2,
  });
});

test("the descriptor set has every import before its importer, and keeps the entity key option", async (t) => {
  const { proto } = await proxy.discover(proxyInfo);
  const set = fromBinary(FileDescriptorSetSchema, proto);
  t.deepEqual(
    set.file.map((file) => file.name),
    [
      "google/protobuf/descriptor.proto",
      "cloudstate/entity_key.proto",
      "google/protobuf/empty.proto",
      "model.proto",
    ],
  );
  const service = createFileRegistry(set).getService("perdure.sdk.test.Model");
  const key = service?.method["process"]?.input.field["id"];
  const options = key?.proto.options;
  t.true(options !== undefined && hasExtension(options, entity_key) && getExtension(options, entity_key));
});

test("a proxy of another version gets an answer, and the developer a line", async (t) => {
  await proxy.discover({ ...proxyInfo, proxyName: "old", protocolMinorVersion: 1 });
  await proxy.discover({ ...proxyInfo, proxyName: "bare", supportedEntityTypes: [] });
  t.true(lines.includes("perdure: the proxy old 1.0 speaks protocol 0.1, this SDK 0.2"));
  t.true(lines.includes("perdure: the proxy bare 1.0 does not support event sourced entities"));
});

test("what the proxy reports is shown", async (t) => {
  await proxy.reportError("entity has no key");
  t.true(lines.includes("perdure: the proxy reports: entity has no key"));
});

// Start and stop.

test("a port in use is a clear error", async (t) => {
  const error = await t.throwsAsync(
    serve({ entities: [modelEntity()], port: server.port, handleSignals: false }),
    { name: "SdkError", code: "PORT_IN_USE" },
  );
  t.is(
    error.message,
    `port ${server.port} on 127.0.0.1 is in use: stop what listens there, or choose another port with PORT`,
  );
});

test("settings and entities that make no sense are refused by name", async (t) => {
  const entities = [modelEntity()];
  await t.throwsAsync(serve({ entities, port: 70_000 }), { code: "BAD_SETTING", message: /PORT.*70000/ });
  await t.throwsAsync(serve({ entities, drainTimeoutMs: -1 }), {
    code: "BAD_SETTING",
    message: /drainTimeoutMs/,
  });
  await t.throwsAsync(serve({ entities: [], port: 0 }), { code: "BAD_ENTITY", message: /no entity/ });
  await t.throwsAsync(serve(modelEntity(), modelEntity()), {
    code: "BAD_ENTITY",
    message: /two entities serve/,
  });
});

test("close ends idle streams, answers the command in hand, and takes no new ones", async (t) => {
  const closing = await serve({ entities: [modelEntity()], port: 0, handleSignals: false });
  const other = new FakeProxy(closing.port);
  const idle = other.activate("idle");
  await idle.process(emit("A"));
  const busy = other.activate("busy");
  await busy.process();
  busy.command([emit("A"), ...Array.from({ length: 50 }, () => wait)]);
  // The command is with the handler as soon as a later message on the connection has its answer.
  await idle.process();

  const closed = closing.close();
  t.is(await idle.answer(), "end");
  t.deepEqual(await busy.answer(), { reply: "A", events: ["A"] });
  t.is(await busy.answer(), "end");
  await closed;
  await t.throwsAsync(other.activate("new").process(), { message: /UNAVAILABLE/ });
  other.client.close();
});

test("close cuts off a command that does not end in time", async (t) => {
  const stuckEntity = eventSourced(Model, StateSchema, {
    persistenceId: "stuck",
    commands: { process: () => new Promise<never>(() => undefined), touch: () => undefined },
    events: [],
  });
  const closing = await serve({ entities: [stuckEntity], port: 0, handleSignals: false, drainTimeoutMs: 20 });
  const other = new FakeProxy(closing.port);
  const stuck = other.activate("stuck");
  stuck.command([]);
  await other.discover(proxyInfo);
  await closing.close();
  await t.throwsAsync(stuck.next(), { message: /CANCELLED/ });
  other.client.close();
});
