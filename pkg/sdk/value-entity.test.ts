// SPDX-License-Identifier: Apache-2.0
//
// Value entities on the wire, and what their definition refuses.

import { create } from "@bufbuild/protobuf";
import test from "ava";

import { pack } from "./any.ts";
import type { RunningServer, ValueEntityOptions } from "./mod.ts";
import { serve, valueEntity } from "./mod.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { FakeValueStream } from "./test-model/fake-value-stream.ts";
import { RequestSchema, StateSchema, Streamed, ValueModel } from "./test-model/gen/model_pb.ts";
import { otherAction, valueModelEntity } from "./test-model/model.ts";
import {
  crash,
  effect,
  emit,
  fail,
  forward,
  metadata,
  remove,
  synchronousEffect,
  wait,
} from "./test-model/wire.ts";

const OTHER = "perdure.sdk.test.Other/Call";
const lines: string[] = [];
let server: RunningServer;
let proxy: FakeProxy;

test.before(async () => {
  server = await serve({
    entities: [valueModelEntity(), otherAction()],
    port: 0,
    handleSignals: false,
    log: (line) => lines.push(line),
  });
  proxy = new FakeProxy(server.port);
});

test.after.always(async () => {
  proxy.client.close();
  await server.close();
});

const activate = (entityId: string, value?: string): FakeValueStream =>
  new FakeValueStream(proxy.client).init(entityId, value);

// The value entity cases of Cloudstate's compatibility kit.

test("an entity begins with the empty state", async (t) => {
  t.deepEqual(await activate("initial").process(), { reply: "" });
});

test("an update is the new value, and a command that changes nothing has none", async (t) => {
  const entity = activate("update");
  t.deepEqual(await entity.process(emit("A")), { reply: "A", update: "A" });
  t.deepEqual(await entity.process(), { reply: "A" });
});

test("a deleted entity begins anew", async (t) => {
  const entity = activate("delete", "A");
  t.deepEqual(await entity.process(remove), { reply: "", delete: true });
  t.deepEqual(await entity.process(), { reply: "" });
  t.deepEqual(await entity.process(emit("B")), { reply: "B", update: "B" });
});

test("the last of several changes counts", async (t) => {
  t.deepEqual(await activate("last").process(emit("A"), emit("B"), emit("C")), {
    reply: "ABC",
    update: "ABC",
  });
  t.deepEqual(await activate("last").process(emit("A"), emit("B"), remove), { reply: "", delete: true });
  t.deepEqual(await activate("last").process(emit("A"), remove, emit("B")), { reply: "B", update: "B" });
});

test("an entity that was passivated comes back from its value, and the streams end without an error", async (t) => {
  const first = activate("rehydrated");
  await first.process(emit("A"), emit("B"));
  t.is(await first.end(), "end");

  const second = activate("rehydrated", "AB");
  t.deepEqual(await second.process(emit("C")), { reply: "ABC", update: "ABC" });
  t.is(await second.end(), "end");
});

test("forwards, effects and metadata go with or without a change", async (t) => {
  const entity = activate("answers");
  t.deepEqual(await entity.process(effect("a"), effect("b")), {
    reply: "",
    effects: [`${OTHER} a`, `${OTHER} b`],
  });
  t.deepEqual(await entity.process(emit("A"), synchronousEffect("c")), {
    reply: "A",
    effects: [`${OTHER} c!`],
    update: "A",
  });
  t.deepEqual(await entity.process(forward("d")), { forward: `${OTHER} d` });
  t.deepEqual(await entity.process(emit("B"), forward("e"), effect("f")), {
    forward: `${OTHER} e`,
    effects: [`${OTHER} f`],
    update: "AB",
  });
  t.like(await entity.process(metadata("m")), { reply: "with metadata" });
});

test("a failure drops the change and the effects, and the connection goes on", async (t) => {
  const entity = activate("failure", "A");
  t.deepEqual(await entity.process(fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(emit("B"), effect("a"), fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(remove, wait, fail("no")), { failure: "no" });
  t.deepEqual(await entity.process(emit("C")), { reply: "AC", update: "AC" });
});

test("a failure is exactly that", async (t) => {
  const entity = activate("exact-failure");
  entity.command([emit("A"), fail("no")]);
  const out = await entity.next();
  t.deepEqual<unknown, unknown>(out !== "end" && out.message.value, {
    $typeName: "cloudstate.valueentity.ValueEntityReply",
    commandId: 1n,
    clientAction: {
      $typeName: "cloudstate.ClientAction",
      action: {
        case: "failure",
        value: {
          $typeName: "cloudstate.Failure",
          commandId: 1n,
          description: "no",
          restart: false,
          grpcStatus: 0,
        },
      },
    },
    sideEffects: [],
  });
});

// Cases that the kit does not cover.

test("a handler that returns nothing answers Empty", async (t) => {
  const entity = activate("empty");
  entity.command([emit("A")], { name: "Touch" });
  t.deepEqual(await entity.answer(), { reply: "empty", update: "A" });
});

test("commands that were sent ahead are handled one after the other, in order", async (t) => {
  const entity = activate("pipelined");
  entity.command([emit("A"), wait, wait, emit("B")]);
  entity.command([emit("C")]);
  entity.call.end();
  t.deepEqual(await entity.answer(), { reply: "AB", update: "AB" });
  t.deepEqual(await entity.answer(), { reply: "ABC", update: "ABC" });
  t.is(await entity.answer(), "end");
});

test("a handler that throws ends the stream, and the developer is told once: where, what, and the stack", async (t) => {
  const entity = activate("thrower");
  t.deepEqual(await entity.process(emit("A"), crash("boom")), {
    broken: "Unexpected failure: boom",
    commandId: 1,
  });
  t.is(await entity.answer(), "end");
  const said = lines.filter((line) => line.includes("boom"));
  t.is(said.length, 1);
  const where = "perdure.sdk.test.ValueModel/Process, entity sdk-value-model/thrower";
  t.true(said[0]?.startsWith(`perdure: Unexpected failure in ${where}: RangeError: boom\n`), said[0]);
  t.regex(said[0] ?? "", /^ {4}at .*model\.ts:/m);
});

const request = pack(RequestSchema, create(RequestSchema));

const breaches: Record<string, { send: (stream: FakeValueStream) => void; text: string }> = {
  "a command before init": { send: (s) => s.command([]), text: "a command before init" },
  "a message without content": {
    send: (s) => s.send({ case: undefined }),
    text: "a message without content",
  },
  "init twice": { send: (s) => s.init("a").init("a"), text: "init came twice" },
  "an unknown service": { send: (s) => s.init("a", "", "nobody"), text: "unknown service nobody" },
  "an action's service": {
    send: (s) => s.init("a", "", "perdure.sdk.test.Other"),
    text: "unknown service perdure.sdk.test.Other",
  },
  "another message as state": {
    send: (s) => s.init("a", request),
    text: "the state of sdk-value-model carries type.googleapis.com/perdure.sdk.test.Request",
  },
  "an unknown command": {
    send: (s) => s.init("a").command([], { name: "Nothing" }),
    text: "perdure.sdk.test.ValueModel has no Nothing",
  },
  "a command for another entity": {
    send: (s) => s.init("a").command([], { entityId: "b" }),
    text: "a command for entity b on the stream of a",
  },
  "a command with another message": {
    send: (s) => s.init("a").command([], { payload: { ...request, typeUrl: "type.googleapis.com/other" } }),
    text: "command Process carries type.googleapis.com/other, not perdure.sdk.test.Request",
  },
};

for (const [name, { send, text }] of Object.entries(breaches)) {
  test(`${name} is a protocol error and ends the stream`, async (t) => {
    const stream = new FakeValueStream(proxy.client);
    send(stream);
    const answer = await stream.answer();
    t.true(typeof answer === "object" && "broken" in answer);
    t.true(JSON.stringify(answer).includes(`Protocol error: ${text}`), JSON.stringify(answer));
    t.is(await stream.answer(), "end");
  });
}

test("close ends idle streams, answers the command in hand, and takes no new ones", async (t) => {
  const closing = await serve({ entities: [valueModelEntity()], port: 0, handleSignals: false });
  const other = new FakeProxy(closing.port);
  t.teardown(() => other.client.close());
  const idle = new FakeValueStream(other.client).init("idle");
  await idle.process(emit("A"));
  const busy = new FakeValueStream(other.client).init("busy");
  await busy.process();
  busy.command([emit("A"), ...Array.from({ length: 50 }, () => wait)]);
  // The command is with the handler as soon as a later message on the connection has its answer.
  await idle.process();

  const closed = closing.close();
  t.is(await idle.answer(), "end");
  t.deepEqual(await busy.answer(), { reply: "A", update: "A" });
  t.is(await busy.answer(), "end");
  await closed;
});

test("discovery announces a value entity with its id and its passivation", async (t) => {
  const { entities } = await proxy.discover({ proxyName: "bare", protocolMinorVersion: 2 });
  t.like(entities[0], {
    entityType: "cloudstate.valueentity.ValueEntity",
    serviceName: "perdure.sdk.test.ValueModel",
    persistenceId: "sdk-value-model",
    passivationStrategy: { strategy: { case: "timeout", value: { timeout: 100n } } },
  });
  t.true(lines.includes("perdure: the proxy bare does not support value entities"));
  t.true(lines.includes("perdure: the proxy bare does not support actions"));
});

// What the compiler refuses, the runtime refuses too.

const valid: ValueEntityOptions<typeof ValueModel, typeof StateSchema> = {
  persistenceId: "types",
  commands: { process: () => ({ message: "" }), touch: () => undefined },
};

const refused = (text: string): { name: string; code: string; message: string } => ({
  name: "SdkError",
  code: "BAD_ENTITY",
  message: `perdure.sdk.test.ValueModel: ${text}`,
});

test("a definition that makes no sense is refused", (t) => {
  t.throws(
    // @ts-expect-error -- touch is missing.
    () => valueEntity(ValueModel, StateSchema, { ...valid, commands: { process: () => ({}) } }),
    refused("commands.touch is missing"),
  );
  t.throws(
    () => valueEntity(ValueModel, StateSchema, { ...valid, persistenceId: "", passivationTimeoutMs: 0 }),
    refused(
      "persistenceId must be a text that is not empty; " +
        "passivationTimeoutMs must be a whole number of milliseconds, not 0",
    ),
  );
  t.throws(
    // @ts-expect-error -- watch is streamed, so nothing can handle it.
    () => valueEntity(Streamed, StateSchema, { persistenceId: "types", commands: { watch: () => ({}) } }),
    { code: "BAD_ENTITY", message: /method Watch is streamed, which value entities cannot be/ },
  );
  // @ts-expect-error -- a message is no service.
  t.throws(() => valueEntity(StateSchema, StateSchema, valid), {
    message: /valueEntity: the first argument/,
  });
  // @ts-expect-error -- a service is no message.
  t.throws(() => valueEntity(ValueModel, ValueModel, valid), { message: /state is no generated message/ });
});

test("states, requests and replies are typed by the descriptors", (t) => {
  const forCompiler = (): void => {
    valueEntity(ValueModel, StateSchema, {
      ...valid,
      commands: {
        process({ id }, { state, update, fail }) {
          // @ts-expect-error -- State has no field of this name.
          void state.quantity;
          // @ts-expect-error -- neither can it be set.
          update({ valeu: id });
          if (id === "") return fail("no id");
          return { message: update({ value: id }).value };
        },
        // @ts-expect-error -- Empty has no message.
        touch: () => ({ message: "" }),
      },
    });
  };
  t.is(typeof forCompiler, "function");
});
