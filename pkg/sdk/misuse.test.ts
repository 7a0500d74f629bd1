// SPDX-License-Identifier: Apache-2.0
//
// Wrong uses of a handler's context, and the error code for each.

import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { ActionContext, ActionHandlers, Answer, CommandContext, SdkErrorCode } from "./mod.ts";
import { action, eventSourced, SdkError } from "./mod.ts";
import type { Response, State } from "./test-model/gen/model_pb.ts";
import {
  Model,
  Other,
  OtherRequestSchema,
  Pipeline,
  ResponseSchema,
  StateSchema,
} from "./test-model/gen/model_pb.ts";
import { call, given } from "./testkit/mod.ts";

type Result = Pick<Response, "message"> | Answer<typeof ResponseSchema>;
type Context = CommandContext<State> & ActionContext;

const REPLY = { message: "" };
const to = Other.method.call;

/** What a handler does, in any kind of service, and the error that it gets. */
const misuses: Record<
  string,
  { readonly handle: (context: Context) => Result; readonly code: SdkErrorCode; readonly text: RegExp }
> = {
  "a forward and a reply": {
    handle: ({ forward }) => {
      forward(to, { id: "a" });
      return REPLY;
    },
    code: "TWO_ANSWERS",
    text: /made an answer that it did not give: return, or yield/,
  },
  "two forwards": {
    handle: ({ forward }) => {
      forward(to, { id: "a" });
      return forward(to, { id: "b" });
    },
    code: "TWO_ANSWERS",
    text: /made a second answer: a command has one/,
  },
  "an effect on a method that there is not": {
    handle: ({ effect }) => {
      // @ts-expect-error -- Other has no such method.
      effect(Other.method.cal, {});
      return REPLY;
    },
    code: "UNKNOWN_METHOD",
    text: /effect takes a method, as Service.method.name, not undefined/,
  },
  "an effect on a message": {
    handle: ({ effect }) => {
      // @ts-expect-error -- a message is no method.
      effect(OtherRequestSchema, {});
      return REPLY;
    },
    code: "UNKNOWN_METHOD",
    text: /effect takes a method, as Service.method.name, not object/,
  },
  "an effect on a streamed method": {
    handle: ({ effect }) => {
      // @ts-expect-error -- streamed methods are no targets.
      effect(Pipeline.method.streamedOut, {});
      return REPLY;
    },
    code: "UNKNOWN_METHOD",
    text: /effect to perdure.sdk.test.Pipeline\/StreamedOut, which is streamed/,
  },
  "a forward with another message": {
    // @ts-expect-error -- a state is no request.
    handle: ({ forward }) => forward(to, create(StateSchema)),
    code: "BAD_MESSAGE",
    text: /forward to perdure.sdk.test.Other\/Call gave perdure.sdk.test.State in place of perdure.sdk.test.OtherReq/,
  },
  "an effect without a message": {
    handle: ({ effect }) => {
      // @ts-expect-error -- it takes one.
      effect(to);
      return REPLY;
    },
    code: "BAD_MESSAGE",
    text: /effect to perdure.sdk.test.Other\/Call gave nothing/,
  },
  "a forward to a method with another reply": {
    // @ts-expect-error -- Note replies with Empty.
    handle: ({ forward }) => forward(Other.method.note, { id: "a" }),
    code: "WRONG_REPLY_TYPE",
    text: /forward to perdure.sdk.test.Other\/Note answers with google.protobuf.Empty, but the handler \w+ with perdure/,
  },
  "a reply of another type": {
    // @ts-expect-error -- as it says.
    handle: ({ reply }) => reply(EmptySchema, {}),
    code: "WRONG_REPLY_TYPE",
    text: /reply answers with google.protobuf.Empty/,
  },
  "metadata that cannot be carried": {
    // @ts-expect-error -- a number is no value.
    handle: ({ reply }) => reply(ResponseSchema, REPLY, { metadata: { "x-a": 1 } }),
    code: "BAD_METADATA",
    text: /metadata cannot carry 'x-a': 1/,
  },
  "half a CloudEvent": {
    handle: ({ reply }) => reply(ResponseSchema, REPLY, { metadata: { "ce-id": "1", "ce-type": "a" } }),
    code: "BAD_METADATA",
    text: /metadata has attributes of a CloudEvent, but not ce-source, ce-specversion/,
  },
};

function refuses(t: ExecutionContext, error: Error | undefined, code: SdkErrorCode, text: RegExp): void {
  const cause = error?.cause;
  t.true(cause instanceof SdkError, String(error));
  t.is((cause as SdkError).code, code);
  t.regex((cause as SdkError).message, text);
}

for (const [name, { handle, code, text }] of Object.entries(misuses)) {
  test(`${name}: ${code}`, async (t) => {
    const entity = eventSourced(Model, StateSchema, {
      persistenceId: "misuse",
      commands: { process: (_command, context) => handle(context as Context), touch: () => undefined },
      events: [],
    });
    refuses(t, await t.throwsAsync(given(entity).when("process")), code, text);
    const unary = actionOf({ unary: (_message, context) => handle(context as Context) });
    refuses(t, await t.throwsAsync(call(unary, "unary", {})), code, text);
  });
}

function actionOf(handlers: Partial<ActionHandlers<typeof Pipeline>>) {
  return action(Pipeline, {
    unary: () => REPLY,
    streamedIn: () => REPLY,
    streamedOut: () => [],
    streamed: () => [],
    touch: () => undefined,
    ...handlers,
  });
}

test("a forward that a stream forgets to yield is told of at the end; held back for a while it is none", async (t) => {
  const forgetful = actionOf({
    *streamedOut(_message, { forward }) {
      forward(to, { id: "a" });
      yield REPLY;
    },
  });
  const error = await t.throwsAsync(call(forgetful, "streamedOut", {}).all());
  refuses(t, error, "TWO_ANSWERS", /the handler streamedOut made an answer that it did not give/);

  const collecting = actionOf({
    *streamedOut(_message, { forward, noReply }) {
      const later = [forward(to, { id: "a" }), forward(to, { id: "b" })];
      yield REPLY;
      yield* later;
      const nothing = noReply();
      yield nothing;
      yield nothing;
    },
  });
  t.is((await call(collecting, "streamedOut", {}).all()).length, 5);
});

test("a forgotten return is found out also where nothing means Empty", async (t) => {
  const forgetful = actionOf({
    touch(_message, { forward }) {
      forward(Other.method.note, { id: "a" });
    },
  });
  refuses(t, await t.throwsAsync(call(forgetful, "touch", {})), "TWO_ANSWERS", /return, or yield/);
});

test("an answer of another command is refused", async (t) => {
  const kept: Answer<typeof ResponseSchema>[] = [];
  const keeping = actionOf({
    unary(_message, { noReply }) {
      const [old] = kept;
      if (old !== undefined) return old;
      kept.push(noReply());
      return kept[0] ?? REPLY;
    },
  });
  await call(keeping, "unary", {});
  refuses(
    t,
    await t.throwsAsync(call(keeping, "unary", {})),
    "BAD_RESULT",
    /an answer that another command has made/,
  );
});

test("what is no stream of answers, or no answer, is refused", async (t) => {
  const asyncOne = actionOf({
    // @ts-expect-error -- a promise is no stream.
    streamedOut: async () => [REPLY],
    // @ts-expect-error -- State is no Response.
    *streamed() {
      yield create(StateSchema);
    },
  });
  refuses(
    t,
    await t.throwsAsync(call(asyncOne, "streamedOut", {}).all()),
    "BAD_RESULT",
    /make it an async generator/,
  );
  refuses(
    t,
    await t.throwsAsync(call(asyncOne, "streamed", []).all()),
    "BAD_RESULT",
    /gave perdure.sdk.test.State/,
  );
});

test("a failure that a generator swallows ends its stream nevertheless", async (t) => {
  const stubborn = actionOf({
    *streamedOut(_message, { fail }) {
      try {
        fail("first");
      } catch {
        // As careless code does.
      }
      yield REPLY;
      yield REPLY;
    },
  });
  const answers = await call(stubborn, "streamedOut", {}).all();
  t.deepEqual(
    answers.map(({ failure }) => failure),
    ["first"],
  );
});

test("a context that is used after its command has ended says so", async (t) => {
  let late: Context | undefined;
  const keeping = actionOf({
    unary(_message, context) {
      late = context as Context;
      return REPLY;
    },
  });
  await call(keeping, "unary", {});
  for (const use of [
    () => late?.effect(to, { id: "a" }),
    () => late?.forward(to, { id: "a" }),
    () => late?.reply(ResponseSchema, REPLY),
    () => late?.noReply(),
    () => late?.failure("no"),
    () => late?.fail("no"),
  ]) {
    t.throws(use, { code: "COMMAND_ENDED" });
  }
});
