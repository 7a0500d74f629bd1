// SPDX-License-Identifier: Apache-2.0
//
// What `fail` and `failure` say, on the wire and in a test.

import type { ExecutionContext } from "ava";
import test from "ava";

import type { FailOptions, HandlerContext, StatusName } from "./mod.ts";
import { eventSourced, on, serve, valueEntity } from "./mod.ts";
import { actionCommand, all, short, streamedOut, unary } from "./test-model/fake-action.ts";
import { FakeProxy } from "./test-model/fake-proxy.ts";
import { FakeValueStream } from "./test-model/fake-value-stream.ts";
import { AppendedSchema, Model, Other, StateSchema, ValueModel } from "./test-model/gen/model_pb.ts";
import { otherAction, pipelineOf } from "./test-model/model.ts";
import { groups } from "./test-model/wire.ts";
import { call, given } from "./testkit/mod.ts";

/**
 * Entities of both kinds and an action that refuse all commands with these options, after they have asked for a
 * change or an effect.
 */
function refusing(options?: FailOptions) {
  const refuse = ({ fail }: Pick<HandlerContext, "fail">): never => fail("no", options);
  const events = eventSourced(Model, StateSchema, {
    persistenceId: "refusing",
    commands: {
      process: (_command, context) => {
        context.emit(AppendedSchema, { value: "A" });
        return refuse(context);
      },
      touch: (_command, context) => refuse(context),
    },
    events: [on(AppendedSchema, (state, { value }) => ({ value: state.value + value }))],
  });
  const value = valueEntity(ValueModel, StateSchema, {
    persistenceId: "refusing-value",
    commands: {
      process: (_command, context) => {
        context.update({ value: "A" });
        return refuse(context);
      },
      touch: (_command, context) => refuse(context),
    },
  });
  const action = pipelineOf({
    unary: (_message, context) => {
      context.effect(Other.method.call, { id: "a" });
      return refuse(context);
    },
    *streamedOut(_message, { failure }) {
      yield { message: "a" };
      yield failure("not this one", options);
    },
  });
  return { events, value, action };
}

async function serving(t: ExecutionContext, options?: FailOptions): Promise<FakeProxy> {
  const server = await serve({
    entities: [...Object.values(refusing(options)), otherAction()],
    port: 0,
    handleSignals: false,
    log: () => undefined,
  });
  const proxy = new FakeProxy(server.port);
  t.teardown(async () => {
    proxy.client.close();
    await server.close();
  });
  return proxy;
}

const CODES: readonly (readonly [StatusName | undefined, number | undefined])[] = [
  [undefined, undefined],
  ["CANCELLED", 1],
  ["UNKNOWN", 2],
  ["INVALID_ARGUMENT", 3],
  ["NOT_FOUND", 5],
  ["FAILED_PRECONDITION", 9],
  ["UNAUTHENTICATED", 16],
];

for (const [code, number] of CODES) {
  const status = number === undefined ? {} : { status: number };
  const options = code === undefined ? undefined : { code };

  test(`fail with ${code ?? "no code"} says so to the proxy, whatever refuses`, async (t) => {
    const proxy = await serving(t, options);
    const entity = proxy.activate("ann");
    t.deepEqual(await entity.process(), { failure: "no", restart: true, ...status });
    t.deepEqual(await entity.process(), { failure: "no", restart: true, ...status }, "the stream goes on");
    const value = new FakeValueStream(proxy.client).init("ann");
    t.deepEqual(await value.process(), { failure: "no", ...status });
    t.deepEqual(short(await unary(proxy.client, actionCommand("Unary", groups())).answer), {
      failure: "no",
      effects: ["perdure.sdk.test.Other/Call a"],
      ...status,
    });
    t.deepEqual(await all(streamedOut(proxy.client, actionCommand("StreamedOut", groups()))), [
      { reply: "a" },
      { failure: "not this one", ...status },
    ]);
  });

  test(`a test sees ${code ?? "no code"} as ${code ?? "UNKNOWN"}`, async (t) => {
    const { events, value, action } = refusing(options);
    const failed = { failure: "no", failureCode: code ?? "UNKNOWN" } as const;
    t.like(await given(events).when("process"), { ...failed, events: [] });
    t.like(await given(value).when("process"), { ...failed, change: undefined });
    t.like(await call(action, "unary", {}), failed);
    t.is((await call(action, "streamedOut", {}).all())[1]?.failureCode, code ?? "UNKNOWN");
  });
}

test("who does not fail has no code", async (t) => {
  t.is((await call(otherAction(), "call", { id: "a" })).failureCode, undefined);
});

test("of several calls of fail the first counts, with its code", async (t) => {
  const stubborn = pipelineOf({
    unary: (_message, { fail }) => {
      try {
        fail("first", { code: "NOT_FOUND" });
      } catch {
        // As careless code does.
      }
      return fail("second", { code: "ABORTED" });
    },
  });
  t.like(await call(stubborn, "unary", {}), { failure: "first", failureCode: "NOT_FOUND" });
});

for (const code of ["OK", "NOT_THERE", "5", 5, null]) {
  test(`${String(code)} (${typeof code}) is no code`, async (t) => {
    const { events, value, action } = refusing({ code: code as StatusName });
    const text = /fail(ure)? takes the name of a status other than OK, as NOT_FOUND, not /;
    const wrong = { message: text };
    await t.throwsAsync(given(events).when("process"), wrong);
    await t.throwsAsync(given(value).when("touch"), wrong);
    await t.throwsAsync(call(action, "streamedOut", {}).all(), wrong);
    const error = await t.throwsAsync(call(action, "unary", {}), wrong);
    t.like(error.cause, { code: "BAD_STATUS" });
  });
}

test("the proxy is told that failures may have a code, and that entities take the trace", async (t) => {
  const proxy = await serving(t);
  const { serviceInfo } = await proxy.discover({ proxyName: "any" });
  t.deepEqual(serviceInfo?.extensions, ["failures", "trace-context"]);
});
