// SPDX-License-Identifier: Apache-2.0
//
// Actions on the wire: what each shape answers, and what their definition refuses.

import { create } from "@bufbuild/protobuf";
import test from "ava";

import { ActionCommandSchema } from "../protocol/gen/cloudstate/action_pb.ts";
import { MetadataSchema } from "../protocol/gen/cloudstate/entity_pb.ts";
import { pack } from "./any.ts";
import type { ActionContext, RunningServer } from "./mod.ts";
import { action, Metadata, serve } from "./mod.ts";
import {
  actionCommand,
  all,
  element,
  short,
  streamed,
  streamedIn,
  streamedOut,
  unary,
} from "./test-model/fake-action.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { Other, Pipeline, RequestSchema, ResponseSchema } from "./test-model/gen/model_pb.ts";
import { modelEntity, otherAction, pipelineAction } from "./test-model/model.ts";
import type { Step } from "./test-model/wire.ts";
import {
  crash,
  effect,
  fail,
  forward,
  groups,
  metadata,
  reply,
  synchronousEffect,
  wait,
} from "./test-model/wire.ts";

const OTHER = "perdure.sdk.test.Other/Call";
const lines: string[] = [];
let server: RunningServer;
let proxy: FakeProxy;

test.before(async () => {
  server = await serve({
    entities: [pipelineAction(), otherAction(), modelEntity()],
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

const call = async (...steps: Step[]) =>
  short(await unary(proxy.client, actionCommand("Unary", groups(steps))).answer);

/** Groups of steps, and the answer to each: the action cases of Cloudstate's compatibility kit. */
const outcomes: readonly { readonly steps: readonly Step[]; readonly answer: object }[] = [
  { steps: [reply("one")], answer: { reply: "one" } },
  { steps: [reply("two"), effect("a")], answer: { reply: "two", effects: [`${OTHER} a`] } },
  { steps: [reply("three"), synchronousEffect("a")], answer: { reply: "three", effects: [`${OTHER} a!`] } },
  {
    steps: [reply("four"), effect("a"), wait, effect("b"), effect("c")],
    answer: { reply: "four", effects: [`${OTHER} a`, `${OTHER} b`, `${OTHER} c`] },
  },
  { steps: [], answer: { none: true } },
  {
    steps: [effect("a"), synchronousEffect("b")],
    answer: { none: true, effects: [`${OTHER} a`, `${OTHER} b!`] },
  },
  { steps: [forward("one")], answer: { forward: `${OTHER} one` } },
  { steps: [forward("two"), effect("a")], answer: { forward: `${OTHER} two`, effects: [`${OTHER} a`] } },
  { steps: [fail("one")], answer: { failure: "one" } },
  { steps: [fail("two"), effect("a")], answer: { failure: "two", effects: [`${OTHER} a`] } },
];

test("a unary call: reply, no reply, forward and failure, each with and without effects", async (t) => {
  for (const { steps, answer } of outcomes) t.deepEqual(await call(...steps), answer);
});

test("streamed in: one answer to all messages, after their end", async (t) => {
  for (const { steps, answer } of outcomes) {
    const stream = streamedIn(proxy.client);
    stream.call.write(actionCommand("StreamedIn"));
    for (const step of steps) stream.call.write(element(step));
    stream.call.end();
    t.deepEqual(short(await stream.answer), answer);
  }
});

test("streamed out: one answer for each group, and the end", async (t) => {
  const message = groups(...outcomes.map(({ steps }) => steps));
  t.deepEqual(
    await all(streamedOut(proxy.client, actionCommand("StreamedOut", message))),
    outcomes.map(({ answer }) => answer),
  );
});

test("streamed: each message is answered when it comes; failures do not end it, the caller's end does", async (t) => {
  const stream = streamed(proxy.client);
  const answers = stream[Symbol.asyncIterator]();
  stream.write(actionCommand("Streamed"));
  for (const { steps, answer } of outcomes) {
    stream.write(element(...steps));
    t.deepEqual(short((await answers.next()).value), answer);
  }
  stream.write(create(ActionCommandSchema, element(reply("a"))));
  stream.write(create(ActionCommandSchema, element(reply("b"))));
  stream.end();
  t.deepEqual(await all({ [Symbol.asyncIterator]: () => answers }), [{ reply: "a" }, { reply: "b" }]);
});

test("a failure and an answer without reply are exactly that", async (t) => {
  t.deepEqual<unknown, unknown>(
    await unary(proxy.client, actionCommand("Unary", groups([fail("no")]))).answer,
    {
      $typeName: "cloudstate.action.ActionResponse",
      response: {
        case: "failure",
        value: {
          $typeName: "cloudstate.Failure",
          commandId: 0n,
          description: "no",
          restart: false,
          grpcStatus: 0,
        },
      },
      sideEffects: [],
    },
  );
  t.deepEqual<unknown, unknown>(await unary(proxy.client, actionCommand("Unary", groups([]))).answer, {
    $typeName: "cloudstate.action.ActionResponse",
    response: { case: undefined },
    sideEffects: [],
  });
});

test("a handler that returns nothing answers Empty", async (t) => {
  const { answer } = unary(proxy.client, actionCommand("Touch", groups([effect("a")])));
  t.deepEqual(short(await answer), { reply: "empty", effects: ["perdure.sdk.test.Other/Note a"] });
});

test("a handler that throws ends the call; the stack is in the log, and nothing of it goes out", async (t) => {
  const unexpected = { message: "2 UNKNOWN: Unexpected failure: the log of the user function says why" };
  await t.throwsAsync(call(effect("a"), crash("boom 1")), unexpected);
  await t.throwsAsync(
    all(streamedOut(proxy.client, actionCommand("StreamedOut", groups([reply("a")], [crash("boom 2")])))),
    unexpected,
  );
  for (const [text, method] of [
    ["boom 1", "Unary"],
    ["boom 2", "StreamedOut"],
  ]) {
    const said = lines.filter((line) => line.includes(String(text)));
    t.is(said.length, 1);
    const head = `perdure: Unexpected failure in perdure.sdk.test.Pipeline/${method}: RangeError: ${text}\n`;
    t.true(said[0]?.startsWith(head), said[0]);
    t.regex(said[0] ?? "", /^ {4}at .*model\.ts:/m);
  }
});

const garbage = { ...pack(RequestSchema, create(RequestSchema)), typeUrl: "type.googleapis.com/other" };

test("what breaks the protocol is a protocol error", async (t) => {
  const errors: Record<string, Promise<unknown>> = {
    "unknown service nobody": unary(proxy.client, actionCommand("Unary", groups(), { serviceName: "nobody" }))
      .answer,
    "unknown service perdure.sdk.test.Model": unary(
      proxy.client,
      actionCommand("Process", groups(), { serviceName: "perdure.sdk.test.Model" }),
    ).answer,
    "perdure.sdk.test.Pipeline has no Nothing": unary(proxy.client, actionCommand("Nothing", groups()))
      .answer,
    "perdure.sdk.test.Pipeline/Streamed is bidi_streaming, but was called as unary": unary(
      proxy.client,
      actionCommand("Streamed", groups()),
    ).answer,
    "command Unary has no payload": unary(proxy.client, actionCommand("Unary")).answer,
    "command Unary carries type.googleapis.com/other, not perdure.sdk.test.Groups": unary(
      proxy.client,
      actionCommand("Unary", undefined, { payload: garbage }),
    ).answer,
  };
  for (const [text, answer] of Object.entries(errors)) {
    await t.throwsAsync(answer, { message: `13 INTERNAL: Protocol error: ${text}` });
  }
});

test("a stream that names no method, or begins with a message, is a protocol error", async (t) => {
  const empty = streamedIn(proxy.client);
  empty.call.end();
  await t.throwsAsync(empty.answer, {
    message: /Protocol error: a stream that ended before it named its method/,
  });
  const eager = streamed(proxy.client);
  eager.write(actionCommand("Streamed", groups([reply("a")])));
  await t.throwsAsync(all(eager), { message: /Protocol error: a payload in a stream's first message/ });
  const wrong = streamed(proxy.client);
  wrong.write(actionCommand("Streamed"));
  wrong.write(create(ActionCommandSchema, { payload: garbage }));
  await t.throwsAsync(all(wrong), {
    message: /Protocol error: command Streamed carries type.googleapis.com.other/,
  });
});

test("discovery announces an action without an id", async (t) => {
  const { entities } = await proxy.discover({ proxyName: "fake" });
  t.like(entities[0], {
    entityType: "cloudstate.action.ActionProtocol",
    serviceName: "perdure.sdk.test.Pipeline",
    persistenceId: "",
    passivationStrategy: undefined,
  });
});

// Metadata.

const METADATA = create(MetadataSchema, {
  entries: [
    { key: "X-Tenant", value: { case: "stringValue", value: "a" } },
    { key: "trace-bin", value: { case: "bytesValue", value: Uint8Array.of(1, 2) } },
    { key: "ce-id", value: { case: "stringValue", value: "7" } },
    { key: "ce-source", value: { case: "stringValue", value: "/carts" } },
    { key: "ce-specversion", value: { case: "stringValue", value: "1.0" } },
    { key: "ce-type", value: { case: "stringValue", value: "added" } },
  ],
});

/** Starts a server whose handlers record in `seen` what they get. */
async function served(t: { teardown(undo: () => Promise<void>): void }, seen: string[]): Promise<FakeProxy> {
  const see = ({ metadata: given, cloudEvent }: ActionContext): void => {
    seen.push(
      `${given.get("x-tenant")} ${given.getBytes("Trace-Bin")?.join()} ${cloudEvent?.id} ${cloudEvent?.type}`,
    );
  };
  const echo = action(Pipeline, {
    unary(_message, context) {
      see(context);
      return context.reply(
        ResponseSchema,
        { message: "" },
        { metadata: Metadata.ofCloudEvent({ id: "1", source: "/echo", type: "seen" }) },
      );
    },
    streamedIn: (_messages, { noReply }) => noReply(),
    *streamedOut(_message, { forward: forwardTo, effect: effectOn }) {
      effectOn(Other.method.note, { id: "a" }, { metadata: { "x-effect": ["1", "2"] } });
      yield forwardTo(Other.method.call, { id: "b" }, { metadata: [["x-forward", "3"]] });
    },
    async *streamed(messages, context) {
      see(context);
      for await (const { message, metadata: own } of messages.envelopes) {
        seen.push(`${message.groups.length} ${own.get("x-own")}`);
        yield context.reply(ResponseSchema, { message: "" }, { metadata: own });
      }
    },
    touch: () => undefined,
  });
  const running = await serve({ entities: [echo, otherAction()], port: 0, handleSignals: false });
  const other = new FakeProxy(running.port);
  t.teardown(async () => {
    other.client.close();
    await running.close();
  });
  return other;
}

test("metadata and the CloudEvent of a call reach the handler, those of a reply the proxy", async (t) => {
  const seen: string[] = [];
  const other = await served(t, seen);
  const { answer } = unary(other.client, actionCommand("Unary", groups(), { metadata: METADATA }));
  t.deepEqual(short(await answer), {
    reply: "",
    metadata: [
      ["ce-id", "1"],
      ["ce-source", "/echo"],
      ["ce-specversion", "1.0"],
      ["ce-type", "seen"],
    ],
  });
  t.deepEqual(seen, ["a 1,2 7 added"]);
});

test("a stream has metadata of its own, and each of its messages too, in both directions", async (t) => {
  const seen: string[] = [];
  const other = await served(t, seen);
  const stream = streamed(other.client);
  stream.write(actionCommand("Streamed", undefined, { metadata: METADATA }));
  stream.write(create(ActionCommandSchema, { ...element(reply("a")), metadata: own("first") }));
  stream.write(element(reply("a")));
  stream.end();
  t.deepEqual(await all(stream), [{ reply: "", metadata: [["x-own", "first"]] }, { reply: "" }]);
  t.deepEqual(seen, ["a 1,2 7 added", "1 first", "1 undefined"]);
});

test("forwards and effects carry metadata", async (t) => {
  const other = await served(t, []);
  const stream = streamedOut(other.client, actionCommand("StreamedOut", groups()));
  const { value } = await stream[Symbol.asyncIterator]().next();
  t.like(value, {
    response: {
      case: "forward",
      value: { metadata: { entries: [{ key: "x-forward", value: { value: "3" } }] } },
    },
    sideEffects: [
      {
        commandName: "Note",
        metadata: {
          entries: [
            { key: "x-effect", value: { value: "1" } },
            { key: "x-effect", value: { value: "2" } },
          ],
        },
      },
    ],
  });
});

test("the model's reply has its metadata", async (t) => {
  t.deepEqual(await call(metadata("m")), {
    reply: "with metadata",
    metadata: [
      ["x-test", "m"],
      ["x-test-bin", Buffer.from("m")],
    ],
  });
});

function own(value: string) {
  return create(MetadataSchema, { entries: [{ key: "x-own", value: { case: "stringValue", value } }] });
}

// What the compiler refuses, the runtime refuses too.

test("a definition that makes no sense is refused", (t) => {
  const code = "BAD_ENTITY";
  // @ts-expect-error -- note is missing.
  t.throws(() => action(Other, { call: () => ({ message: "" }) }), {
    code,
    message: "perdure.sdk.test.Other: note is missing",
  });
  // @ts-expect-error -- nota is no method.
  t.throws(() => action(Other, { call: () => ({ message: "" }), note: () => ({}), nota: () => ({}) }), {
    code,
    message: "perdure.sdk.test.Other: nota is no method of the service",
  });
  // @ts-expect-error -- handlers are functions.
  t.throws(() => action(Other, { call: "yes", note: () => ({}) }), {
    code,
    message: /call must be a function/,
  });
  // @ts-expect-error -- there are no handlers.
  t.throws(() => action(Other), { code, message: /the second argument must be an object of handlers/ });
  // @ts-expect-error -- a message is no service.
  t.throws(() => action(ResponseSchema, {}), {
    code,
    message: /action: the first argument is no generated service/,
  });
});

test("messages and answers of every shape are typed by the descriptors", (t) => {
  const forCompiler = (): void => {
    action(Pipeline, {
      // @ts-expect-error -- Groups has no field of this name.
      unary: ({ steps }) => ({ message: String(steps) }),
      // @ts-expect-error -- Response has no field of this name.
      async streamedIn(messages, { forward: forwardTo }) {
        for await (const { groups: given } of messages) {
          if (given.length > 0) return forwardTo(Other.method.call, { id: "a" });
        }
        return { massage: "" };
      },
      async *streamedOut(_message, { forward: forwardTo, reply: replyWith, noReply }) {
        yield noReply();
        yield replyWith(ResponseSchema, { message: "a" });
        // @ts-expect-error -- OtherRequest has no field of this name.
        yield forwardTo(Other.method.call, { it: "a" });
      },
      // @ts-expect-error -- Note replies with Empty, Streamed with Response.
      async *streamed(_messages, { forward: forwardTo }) {
        yield forwardTo(Other.method.note, { id: "a" });
      },
      touch(_message, { effect: effectOn }) {
        // @ts-expect-error -- a streamed method is no target.
        effectOn(Pipeline.method.streamedOut, {});
      },
    });
  };
  t.is(typeof forCompiler, "function");
});
