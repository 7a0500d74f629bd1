// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import test from "ava";

import type { CommandContext, CommandHandlers, EventSourcedEntity } from "../mod.ts";
import { eventSourced, on, SdkError } from "../mod.ts";

import type { State } from "../test-model/gen/model_pb.ts";
import {
  AppendedSchema,
  ClearedSchema,
  Model,
  StateSchema,
  UnhandledSchema,
} from "../test-model/gen/model_pb.ts";
import { modelEntity } from "../test-model/model.ts";
import { given, TestkitError } from "./mod.ts";

const model = modelEntity();
const emit = (value: string) => ({ step: { case: "emit", value } }) as const;
const fail = (value: string) => ({ step: { case: "fail", value } }) as const;
const crash = (value: string) => ({ step: { case: "crash", value } }) as const;
const appended = (value: string) => create(AppendedSchema, { value });

type Process = CommandHandlers<typeof Model, State>["process"];
type Entity = EventSourcedEntity<typeof Model, typeof StateSchema>;

/** A model whose `process` command the test defines. */
function entityOf(
  process: Process,
  append = (state: State, value: string) => ({ value: state.value + value }),
): Entity {
  return eventSourced(Model, StateSchema, {
    persistenceId: "testkit",
    commands: { process, touch: () => undefined },
    events: [on(AppendedSchema, (state, { value }) => append(state, value))],
  });
}

// What a test sees.

test("an outcome has the reply, the events and the state", async (t) => {
  const outcome = await given(model, "ann")
    .events(appended("A"))
    .when("process", { steps: [emit("B"), emit("C")] });
  t.is(outcome.reply.message, "ABC");
  t.is(outcome.failure, undefined);
  t.deepEqual(outcome.events, [appended("B"), appended("C")]);
  t.is(outcome.state.value, "ABC");
  t.false(outcome.snapshot);
});

test("nothing returned is Empty", async (t) => {
  t.deepEqual((await given(model).when("touch")).reply, create(EmptySchema));
});

test("a refused command has the text, no events, the state of before, and says so when asked for a reply", async (t) => {
  const outcome = await given(model)
    .event(AppendedSchema, { value: "A" })
    .when("process", { steps: [emit("B"), fail("no")] });
  t.is(outcome.failure, "no");
  t.deepEqual(outcome.events, []);
  t.is(outcome.state.value, "A");
  t.throws(() => outcome.reply, {
    instanceOf: TestkitError,
    message: 'process failed with "no", so there is no reply',
  });
});

test("a snapshot is a state to begin with, and the next one is due as in production", async (t) => {
  const past = given(model).state({ value: "ABC" }, 3);
  t.false((await past.when("process", { steps: [emit("D")] })).snapshot);
  const crossing = await past.event(AppendedSchema, { value: "D" }).when("process", { steps: [emit("E")] });
  t.true(crossing.snapshot);
  t.is(crossing.state.value, "ABCDE");
});

test("snapshotEvery 0 never makes one", async (t) => {
  const steps = Array.from({ length: 200 }, () => emit("x"));
  t.false((await given(modelEntity({ snapshotEvery: 0 })).when("process", { steps })).snapshot);
  t.true((await given(modelEntity({ snapshotEvery: 100 })).when("process", { steps })).snapshot);
});

test("afterwards is the entity for the next command; the given stays as it was", async (t) => {
  const past = given(model);
  const first = await past.when("process", { steps: [emit("A")] });
  t.is((await first.afterwards.when("process", { steps: [emit("B")] })).state.value, "AB");
  t.is((await past.when("process")).state.value, "");
});

test("the initial state may depend on the entity", async (t) => {
  const entity = eventSourced(Model, StateSchema, {
    persistenceId: "initial",
    initial: (entityId) => ({ value: `${entityId}:` }),
    commands: { process: (_command, { state }) => ({ message: state.value }), touch: () => undefined },
    events: [],
  });
  t.is((await given(entity, "ann").when("process")).reply.message, "ann:");
});

// What the context promises.

test("emit applies at once: its result and context.state are new, what was taken apart is old", async (t) => {
  const entity = entityOf((_command, context) => {
    const { state, emit: emitApart } = context;
    const after = emitApart(AppendedSchema, { value: "A" });
    context.emit(AppendedSchema, { value: "B" });
    return {
      message: [state.value, after.value, context.state.value, context.sequence, context.entityId].join(),
    };
  });
  t.is((await given(entity, "ann").when("process")).reply.message, ",A,AB,2,ann");
});

test("a handler that swallows the throw of fail has failed nevertheless", async (t) => {
  const entity = entityOf((_command, { fail: refuse }) => {
    try {
      refuse("first");
    } catch {
      // As careless code does.
    }
    return { message: "fine" };
  });
  t.is((await given(entity).when("process")).failure, "first");
});

test("an event that could not be applied is not stored, even if the handler swallows the error", async (t) => {
  const entity = entityOf(
    (_command, context) => {
      try {
        context.emit(AppendedSchema, { value: "A" });
      } catch {
        // As careless code does.
      }
      return { message: String(context.sequence) };
    },
    () => {
      throw new Error("not today");
    },
  );
  const { reply, events } = await given(entity).when("process");
  t.is(reply.message, "0");
  t.deepEqual(events, []);
});

test("emit after the command has ended is an error, and the next command does not see it", async (t) => {
  let late: CommandContext<State> | undefined;
  const entity = entityOf((_command, context) => {
    late ??= context;
    return { message: "" };
  });
  const { afterwards } = await given(entity).when("process");
  t.throws(() => late?.emit(AppendedSchema, { value: "late" }), {
    instanceOf: SdkError,
    code: "COMMAND_ENDED",
  });
  t.throws(() => late?.fail("late"), { code: "COMMAND_ENDED" });
  t.deepEqual((await afterwards.when("process")).events, []);
});

test("handlers may call each other by this", async (t) => {
  const entity = eventSourced(Model, StateSchema, {
    persistenceId: "this",
    commands: {
      process(command, context) {
        void this.touch(command, context);
        return { message: context.state.value };
      },
      touch: (_command, context) => void context.emit(AppendedSchema, { value: "A" }),
    } satisfies CommandHandlers<typeof Model, State>,
    events: [on(AppendedSchema, (state, { value }) => ({ value: state.value + value }))],
  });
  t.is((await given(entity).when("process")).reply.message, "A");
});

// What would break a server breaks the test, with the reason.

test("a handler that throws rejects with what it threw as the cause", async (t) => {
  const error = await t.throwsAsync(given(model).when("process", { steps: [crash("boom")] }), {
    instanceOf: TestkitError,
    message: "the entity ended its stream: Unexpected failure: boom",
  });
  t.true(error.cause instanceof RangeError);
});

const breaks: Record<string, { entity: Entity; text: RegExp }> = {
  "a handler that changes the state": {
    entity: entityOf((_command, { state }) => {
      state.value = "changed";
      return { message: "" };
    }),
    text: /Cannot assign to read only property 'value'/,
  },
  "an event handler that changes the state": {
    entity: entityOf(
      (_command, context) => ({ message: context.emit(AppendedSchema, { value: "A" }).value }),
      (state, value) => {
        state.value += value;
        return state;
      },
    ),
    text: /Cannot assign to read only property 'value'/,
  },
  "an event without on": {
    entity: entityOf((_command, context) => {
      context.emit(UnhandledSchema, {});
      return { message: "" };
    }),
    text: /Model emits perdure.sdk.test.Unhandled, but its events have no on\(...\) for it/,
  },
  "an event handler that returns nothing": {
    entity: entityOf(
      (_command, context) => ({ message: context.emit(AppendedSchema, { value: "A" }).value }),
      () => undefined as never,
    ),
    text: /the handler of event perdure.sdk.test.Appended gave nothing in place of perdure.sdk.test.State/,
  },
  "an async event handler": {
    entity: entityOf(
      (_command, context) => ({ message: context.emit(AppendedSchema, { value: "A" }).value }),
      () => Promise.reject(new Error("later")) as never,
    ),
    text: /the handler of event perdure.sdk.test.Appended is async/,
  },
  "nothing in place of a reply": {
    entity: entityOf(() => undefined as never),
    text: /the handler process gave nothing in place of perdure.sdk.test.Response/,
  },
  "another message in place of the reply": {
    entity: entityOf(() => create(StateSchema) as never),
    text: /the handler process gave perdure.sdk.test.State in place of perdure.sdk.test.Response/,
  },
};

for (const [name, { entity, text }] of Object.entries(breaks)) {
  test(`${name} is found out`, async (t) => {
    await t.throwsAsync(given(entity).when("process"), { instanceOf: TestkitError, message: text });
  });
}

test("an event handler that depends on more than state and event is found out", async (t) => {
  let calls = 0;
  const entity = entityOf(
    (_command, context) => ({ message: context.emit(AppendedSchema, { value: "A" }).value }),
    (_state, value) => ({ value: `${value}${(calls += 1)}` }),
  );
  await t.throwsAsync(given(entity).when("process"), {
    message: /lead to another state when they are replayed.*"value":"A1".*"value":"A2"/s,
  });
});

test("a past that cannot be, and an unknown method, are named", async (t) => {
  t.throws(() => given(model).event(UnhandledSchema, {}), {
    message: /no on\(...\) for the event perdure.sdk.test.Unhandled/,
  });
  t.notThrows(() => given(model).event(ClearedSchema, {}));
  // @ts-expect-error -- no method of the service.
  await t.throwsAsync(given(model).when("proces"), {
    message: "perdure.sdk.test.Model has no method proces; it has process, touch",
  });
});
