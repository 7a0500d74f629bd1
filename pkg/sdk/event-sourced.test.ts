// SPDX-License-Identifier: Apache-2.0
//
// What the compiler refuses, the runtime refuses too: each case is checked by both. A `@ts-expect-error` without an
// error is an error of `tsc`.

import test from "ava";

import type { CommandContext, EventSourcedOptions } from "./mod.ts";
import { eventSourced, on } from "./mod.ts";
import type { Request, State } from "./test-model/gen/model_pb.ts";
import { AppendedSchema, ClearedSchema, Model, StateSchema, Streamed } from "./test-model/gen/model_pb.ts";

type Options = EventSourcedOptions<typeof Model, typeof StateSchema>;

const valid: Options = {
  persistenceId: "types",
  commands: { process: () => ({ message: "" }), touch: () => undefined },
  events: [on(AppendedSchema, (state: State, { value }) => ({ value: state.value + value }))],
};

const refused = (text: string): { name: string; code: string; message: string } => ({
  name: "SdkError",
  code: "BAD_ENTITY",
  message: `perdure.sdk.test.Model: ${text}`,
});

test("a missing command handler is refused", (t) => {
  t.throws(
    // @ts-expect-error -- touch is missing.
    () => eventSourced(Model, StateSchema, { ...valid, commands: { process: () => ({}) } }),
    refused("commands.touch is missing"),
  );
});

test("a misspelled command handler is refused, with what is missing beside it", (t) => {
  t.throws(
    () =>
      eventSourced(Model, StateSchema, {
        ...valid,
        // @ts-expect-error -- toutch is no method.
        commands: { process: () => ({}), toutch: () => undefined },
      }),
    refused("commands.touch is missing; commands.toutch is no method of the service"),
  );
});

test("a name that every object has is no command handler", (t) => {
  t.throws(
    () =>
      eventSourced(Model, StateSchema, {
        ...valid,
        // @ts-expect-error -- toString is no method.
        commands: { ...valid.commands, toString: () => "" },
      }),
    refused("commands.toString is no method of the service"),
  );
});

test("a handler that is no function is refused", (t) => {
  t.throws(
    // @ts-expect-error -- touch must be a function.
    () => eventSourced(Model, StateSchema, { ...valid, commands: { ...valid.commands, touch: "yes" } }),
    refused("commands.touch must be a function"),
  );
});

test("a streamed method is refused", (t) => {
  t.throws(
    () =>
      eventSourced(Streamed, StateSchema, {
        persistenceId: "types",
        // @ts-expect-error -- watch is streamed, so nothing can handle it.
        commands: { watch: () => ({}) },
        events: [],
      }),
    { code: "BAD_ENTITY", message: /method Watch is streamed/ },
  );
});

test("an event with two handlers, and what is no handler, are refused", (t) => {
  const cleared = on(ClearedSchema, (_state: State) => ({ value: "" }));
  t.throws(
    () => eventSourced(Model, StateSchema, { ...valid, events: [cleared, cleared] }),
    refused("events has two handlers of perdure.sdk.test.Cleared"),
  );
  t.throws(
    // @ts-expect-error -- a descriptor alone is no handler.
    () => eventSourced(Model, StateSchema, { ...valid, events: [ClearedSchema] }),
    refused("events[0] is not made by on(schema, apply)"),
  );
});

test("numbers and names that make no sense are refused, all at once", (t) => {
  t.throws(
    () =>
      eventSourced(Model, StateSchema, {
        ...valid,
        persistenceId: "",
        snapshotEvery: -1,
        // @ts-expect-error -- a version is a text.
        snapshotVersion: 2,
        passivationTimeoutMs: 0.5,
      }),
    refused(
      "persistenceId must be a text that is not empty; " +
        "passivationTimeoutMs must be a whole number of milliseconds, not 0.5; " +
        "snapshotEvery must be a whole number, 0 or more, not -1; " +
        "snapshotVersion must be a text of up to 100 characters, not 2",
    ),
  );
  t.throws(() => eventSourced(Model, StateSchema, { ...valid, snapshotVersion: "x".repeat(101) }), {
    message: /snapshotVersion must be a text of up to 100 characters/,
  });
});

test("what is no descriptor is refused", (t) => {
  // @ts-expect-error -- a message is no service.
  t.throws(() => eventSourced(StateSchema, StateSchema, valid), {
    message: /first argument is no generated service/,
  });
  // @ts-expect-error -- a service is no message.
  t.throws(() => eventSourced(Model, Model, valid), { message: /state is no generated message descriptor/ });
});

// From here on for the compiler alone.

test("requests, replies, states and events are typed by the descriptors", (t) => {
  const emitTwice = ({ emit }: CommandContext<State>, { id }: Request): string => {
    emit(AppendedSchema, { value: id });
    // @ts-expect-error -- Appended has no field of this name.
    emit(AppendedSchema, { valeu: id });
    return emit(AppendedSchema, { value: id }).value;
  };
  const entity = eventSourced(Model, StateSchema, {
    persistenceId: "types",
    initial: (entityId) => ({ value: entityId }),
    commands: {
      process(command, context) {
        // @ts-expect-error -- Request has no field of this name.
        void command.quantity;
        // @ts-expect-error -- neither has State.
        void context.state.quantity;
        if (command.id === "") return context.fail("no id");
        return { message: emitTwice(context, command) };
      },
      async touch(_command, { state, fail }) {
        if (state.value === "") fail("empty");
      },
    },
    events: [
      // @ts-expect-error -- the state's value is a text.
      on(AppendedSchema, (_state, { value }) => ({ value: value.length })),
      on(ClearedSchema, () => ({})),
    ],
  });
  t.is(entity.snapshotEvery, 100);
});

test("only Empty may be answered with nothing", (t) => {
  const forCompiler = (): void => {
    eventSourced(Model, StateSchema, {
      ...valid,
      commands: {
        // @ts-expect-error -- a Response is due.
        process: () => undefined,
        touch: () => undefined,
      },
    });
    eventSourced(Model, StateSchema, {
      ...valid,
      commands: {
        // @ts-expect-error -- a Response is due, also later.
        process: async () => undefined,
        touch: async () => ({}),
      },
    });
    eventSourced(Model, StateSchema, {
      ...valid,
      // @ts-expect-error -- Response has a text.
      commands: { process: () => ({ message: 1 }), touch: () => undefined },
    });
  };
  t.is(typeof forCompiler, "function");
});
