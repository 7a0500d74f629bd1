// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import test from "ava";

import type { ValueCommandHandlers } from "../mod.ts";
import { Metadata, valueEntity } from "../mod.ts";

import { OtherRequestSchema, StateSchema, ValueModel } from "../test-model/gen/model_pb.ts";
import { valueModelEntity } from "../test-model/model.ts";
import type { Step } from "../test-model/wire.ts";
import {
  crash,
  effect,
  emit,
  fail,
  forward,
  metadata,
  remove,
  synchronousEffect,
} from "../test-model/wire.ts";
import { given, TestkitError } from "./mod.ts";

const model = valueModelEntity();
const steps = (...all: readonly Step[]) => ({ steps: all.map((step) => ({ step })) });

test("an outcome has the reply, the change and the state", async (t) => {
  const outcome = await given(model, "ann")
    .state({ value: "A" })
    .when("process", steps(emit("B")));
  t.is(outcome.reply.message, "AB");
  t.is(outcome.change, "update");
  t.is(outcome.state.value, "AB");
  t.is(outcome.failure, undefined);
  t.is(outcome.forward, undefined);
  t.deepEqual(outcome.effects, []);
});

test("a command that changes nothing, or is refused, has no change", async (t) => {
  const past = given(model).state({ value: "A" });
  t.is((await past.when("process")).change, undefined);
  const refused = await past.when("process", steps(emit("B"), effect("a"), fail("no")));
  t.like(refused, { change: undefined, failure: "no", effects: [], state: { value: "A" } });
  t.throws(() => refused.reply, {
    instanceOf: TestkitError,
    message: 'process failed with "no", so there is no reply',
  });
});

test("afterwards is the entity for the next command, deleted or not; the given stays as it was", async (t) => {
  const past = given(model).state({ value: "A" });
  const deleted = await past.when("process", steps(remove));
  t.is(deleted.change, "delete");
  const anew = await deleted.afterwards.when("process", steps(emit("B")));
  t.is(anew.state.value, "B");
  t.is((await anew.afterwards.when("process")).reply.message, "B");
  t.is((await past.when("process")).reply.message, "A");
});

test("forwards, effects and metadata are seen as messages", async (t) => {
  const message = (id: string) => create(OtherRequestSchema, { id });
  const to = "perdure.sdk.test.Other/Call";
  const forwarded = await given(model).when(
    "process",
    steps(effect("a"), synchronousEffect("b"), forward("c")),
  );
  t.deepEqual(forwarded.effects, [
    { to, message: message("a"), metadata: Metadata.empty, synchronous: false },
    { to, message: message("b"), metadata: Metadata.empty, synchronous: true },
  ]);
  t.deepEqual(forwarded.forward, { to, message: message("c"), metadata: Metadata.empty });
  t.throws(() => forwarded.reply, { message: `process was forwarded to ${to}, so there is no reply` });
  t.is((await given(model).when("process", steps(metadata("m")))).metadata.get("X-Test"), "m");
});

/** A model whose `process` command the test defines. */
function entityOf(process: ValueCommandHandlers<typeof ValueModel, typeof StateSchema>["process"]) {
  return valueEntity(ValueModel, StateSchema, {
    persistenceId: "testkit",
    initial: (entityId) => ({ value: `${entityId}:` }),
    commands: { process, touch: () => undefined },
  });
}

test("state is what is stored, or the initial one; update gives the new one, remove the initial one again", async (t) => {
  const entity = entityOf((_command, context) => {
    const seen = [context.exists, context.state.value, context.entityId];
    seen.push(context.update({ value: "A" }).value, context.exists);
    context.remove();
    seen.push(context.state.value, context.exists);
    return { message: seen.join() };
  });
  t.is((await given(entity, "ann").when("process")).reply.message, "false,ann:,ann,A,true,ann:,false");
  const stored = given(entity, "ann").state({ value: "B" });
  t.is((await stored.when("process")).reply.message, "true,B,ann,A,true,ann:,false");
});

test("what would break a server breaks the test, with the reason", async (t) => {
  const broken = await t.throwsAsync(given(model).when("process", steps(crash("boom"))), {
    instanceOf: TestkitError,
    message: "the entity ended its stream: Unexpected failure: boom",
  });
  t.true(broken.cause instanceof RangeError);
  const changed = entityOf((_command, { state }) => {
    state.value = "changed";
    return { message: "" };
  });
  await t.throwsAsync(given(changed).when("process"), {
    message: /Cannot assign to read only property 'value'/,
  });
  const kept = entityOf((_command, { update }) => {
    update({ value: "A" }).value = "changed";
    return { message: "" };
  });
  await t.throwsAsync(given(kept).when("process"), {
    message: /Cannot assign to read only property 'value'/,
  });
  const wrong = entityOf((_command, { update }) => {
    // @ts-expect-error -- a request is no state.
    update(create(OtherRequestSchema));
    return { message: "" };
  });
  await t.throwsAsync(given(wrong).when("process"), {
    message: /update gave perdure.sdk.test.OtherRequest in place of perdure.sdk.test.State/,
  });
});
