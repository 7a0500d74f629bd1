// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import type { EventSourcedEntity } from "../mod.ts";
import { eventSourced, on } from "../mod.ts";

import { AppendedSchema, Model, StateSchema } from "../test-model/gen/model_pb.ts";
import { given, TestkitError } from "./mod.ts";

const appended = (value: string) => create(AppendedSchema, { value });

/** Code that has changed: it used to keep texts as they are, and keeps them in capitals now. */
function loud(snapshotVersion: string): EventSourcedEntity<typeof Model, typeof StateSchema> {
  return eventSourced(Model, StateSchema, {
    persistenceId: "loud",
    snapshotVersion,
    commands: { process: (_command, { state }) => ({ message: state.value }), touch: () => undefined },
    events: [on(AppendedSchema, (state, { value }) => ({ value: state.value + value.toUpperCase() }))],
  });
}

const quiet = toBinary(StateSchema, create(StateSchema, { value: "ab" }));

test("a snapshot of another version is not used: the events are replayed, those before it too", async (t) => {
  const past = given(loud("2")).events(appended("a"), appended("b"));
  for (const state of [quiet, { value: "ab" }]) {
    const entity = past.snapshot("1", state).events(appended("c"));
    t.is((await entity.when("process")).reply.message, "ABC");
  }
  t.is((await past.snapshot("1", Buffer.from("no state at all \xff")).when("process")).reply.message, "AB");
});

test("a snapshot of the entity's own version is used", async (t) => {
  const entity = given(loud("2")).events(appended("a")).snapshot("2", { value: "A" }).events(appended("b"));
  const outcome = await entity.when("process");
  t.is(outcome.reply.message, "AB");
  t.is((await outcome.afterwards.event(AppendedSchema, { value: "c" }).when("process")).reply.message, "ABC");
});

test("a test finds that code has changed and its version has not", async (t) => {
  const past = given(loud("1")).events(appended("a"), appended("b"));
  const wrong = await t.throwsAsync(past.snapshot("1", quiet).when("process"), { instanceOf: TestkitError });
  t.is(
    wrong.message,
    "the events lead perdure.sdk.test.Model to another state than the snapshot after them, so older snapshots must not be " +
      'used: give it another snapshotVersion than "1":\n' +
      '  the snapshot {"value":"ab"}\n' +
      '  the events   {"value":"AB"}',
  );
  const unreadable = past.snapshot("1", Uint8Array.from([0x0a, 0x7f]));
  await t.throwsAsync(unreadable.when("process"), {
    instanceOf: TestkitError,
    message: /cannot read the snapshot/,
  });
});

test("a snapshot needs the events that it stands for, or a state", async (t) => {
  t.throws(() => given(loud("1")).snapshot("1", quiet), {
    instanceOf: TestkitError,
    message: /give those that it contains/,
  });
  const entity = given(loud("1")).state({ value: "AB" }, 2).snapshot("0", quiet);
  t.is((await entity.when("process")).reply.message, "AB");
});
