// SPDX-License-Identifier: Apache-2.0
//
// What callers get when a handler calls `fail` or throws: from our SDK through the proxy, over every protocol.

import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { ServiceError } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import type { ExecutionContext } from "ava";
import test from "ava";

import { ErrorInfoSchema, StatusSchema } from "../../pkg/protocol/mod.ts";
import type { HandlerContext, StatusName } from "../../pkg/sdk/mod.ts";
import { action, eventSourced, on, serve, valueEntity } from "../../pkg/sdk/mod.ts";

import type { Step } from "../../pkg/sdk/test-model/gen/model_pb.ts";
import {
  AppendedSchema,
  Model,
  Other,
  Pipeline,
  StateSchema,
  ValueModel,
} from "../../pkg/sdk/test-model/gen/model_pb.ts";
import { startLocalProxy } from "../lib/local-proxy.ts";

const PROCESS = `/${Model.typeName}/Process`;
const PROCESS_VALUE = `/${ValueModel.typeName}/Process`;
const UNARY = `/${Pipeline.typeName}/Unary`;
const JSON_FORM = { accept: "application/json" };

/** Refuses as a step `fail` says: `CODE text`, or only a text. */
function refuse(value: string, { fail }: Pick<HandlerContext, "fail">): never {
  const [, code, text = value] = /^([A-Z_]{2,}) (.*)$/.exec(value) ?? [];
  return code === undefined ? fail(text) : fail(text, { code: code as StatusName });
}

function carryOut(steps: readonly Step[], context: HandlerContext, emit: (value: string) => void): void {
  for (const { step } of steps) {
    if (step.case === "emit") emit(step.value);
    else if (step.case === "fail") refuse(step.value, context);
    else if (step.case === "crash") throw new RangeError(step.value);
    else if (step.case === "synchronousEffect") {
      const command = {
        id: step.value,
        steps: [{ step: { case: "fail" as const, value: "UNAVAILABLE full" } }],
      };
      context.effect(Model.method.process, command, { synchronous: true });
    }
  }
}

/** Starts entities and an action that carry out the given steps, behind a proxy. */
async function start(t: ExecutionContext) {
  const commands: string[] = [];
  const events = eventSourced(Model, StateSchema, {
    persistenceId: "refusing",
    commands: {
      process({ id, steps }, context) {
        commands.push(id);
        carryOut(steps, context, (value) => context.emit(AppendedSchema, { value }));
        return { message: context.state.value };
      },
      touch: () => undefined,
    },
    events: [on(AppendedSchema, (state, { value }) => ({ value: state.value + value }))],
  });
  const value = valueEntity(ValueModel, StateSchema, {
    persistenceId: "refusing-value",
    commands: {
      process({ steps }, context) {
        carryOut(steps, context, (text) => context.update({ value: context.state.value + text }));
        return { message: context.state.value };
      },
      touch: () => undefined,
    },
  });
  const pipeline = action(Pipeline, {
    unary({ groups }, context) {
      const steps = groups.flatMap((group) => group.steps);
      const to = steps.find(({ step }) => step.case === "forward")?.step.value;
      if (to !== undefined) {
        const rest = steps.filter(({ step }) => step.case !== "forward");
        return context.forward(Model.method.process, { id: String(to), steps: rest });
      }
      carryOut(steps, context, () => undefined);
      return { message: "" };
    },
    streamedIn: () => ({ message: "" }),
    streamedOut: () => [],
    async *streamed(messages, context) {
      for await (const { groups } of messages) {
        yield { message: "a" };
        carryOut(
          groups.flatMap((group) => group.steps),
          context,
          () => undefined,
        );
      }
    },
    touch: () => undefined,
  });
  const other = action(Other, { call: ({ id }) => ({ message: id }), note: () => undefined });
  const told: string[] = [];
  const userFunction = await serve({
    entities: [events, value, pipeline, other],
    port: 0,
    handleSignals: false,
    log: (line) => told.push(line),
  });
  t.teardown(() => userFunction.close());
  const local = await startLocalProxy(t, userFunction.port);
  await local.ready();
  return { ...local, commands, told };
}

const of = (id: string, ...steps: readonly object[]) => ({ id, steps });
const inGroup = (...steps: readonly object[]) => ({ groups: [{ steps }] });

function statusJson(code: number, message: string, reason = "COMMAND_FAILED"): object {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "perdure.dev" };
  return { code, message, details: [info] };
}

const CODES: readonly (readonly [code: StatusName, http: number])[] = [
  ["CANCELLED", 499],
  ["UNKNOWN", 500],
  ["INVALID_ARGUMENT", 400],
  ["DEADLINE_EXCEEDED", 504],
  ["NOT_FOUND", 404],
  ["ALREADY_EXISTS", 409],
  ["PERMISSION_DENIED", 403],
  ["RESOURCE_EXHAUSTED", 429],
  ["FAILED_PRECONDITION", 400],
  ["ABORTED", 409],
  ["OUT_OF_RANGE", 400],
  ["UNIMPLEMENTED", 501],
  ["INTERNAL", 500],
  ["UNAVAILABLE", 503],
  ["DATA_LOSS", 500],
  ["UNAUTHENTICATED", 401],
];

test("a refusal has its code over HTTP and gRPC, of entities of both kinds and of actions, forwarded or not", async (t) => {
  const { http, grpc } = await start(t);
  for (const [code, httpStatus] of CODES) {
    const no = { fail: `${code} no ä` };
    const calls: readonly (readonly [path: string, body: object])[] = [
      [PROCESS, of("ann", { emit: "lost" }, no)],
      [PROCESS_VALUE, of("ann", { emit: "lost" }, no)],
      [UNARY, inGroup(no)],
      [UNARY, inGroup({ forward: "bob" }, no)],
    ];
    for (const [path, body] of calls) {
      const json = await http.call(path, { body, headers: JSON_FORM });
      t.like(json, { status: httpStatus, contentType: "application/json", errorCode: "COMMAND_FAILED" });
      t.deepEqual(JSON.parse(json.body), statusJson(status[code], "no ä"));
      const text = await http.call(path, { body });
      t.like(text, { status: httpStatus, body: "no ä", errorCode: "COMMAND_FAILED" });
    }
    const command = { id: "ann", steps: [{ step: { case: "fail" as const, value: `${code} no ä` } }] };
    const error = await t.throwsAsync<ServiceError>(grpc.call(Model.method.process, command));
    t.like(error, { code: status[code], details: "no ä" });
    const [bytes] = error.metadata.get("grpc-status-details-bin");
    const { code: inside, message, details } = fromBinary(StatusSchema, bytes as Buffer);
    t.deepEqual([inside, message], [status[code], "no ä"]);
    t.like(details[0] && anyUnpack(details[0], ErrorInfoSchema), {
      reason: "COMMAND_FAILED",
      domain: "perdure.dev",
    });
  }
  t.deepEqual((await http.call(PROCESS, { body: of("ann") })).body, '{"message":""}', "nothing is stored");
  t.deepEqual((await http.call(PROCESS_VALUE, { body: of("ann") })).body, '{"message":""}');
});

test("a refusal without a code stays what Cloudstate's is", async (t) => {
  const { http, grpc } = await start(t);
  t.like(await http.call(PROCESS, { body: of("ann", { fail: "not today" }) }), {
    status: 500,
    body: "not today",
    contentType: "text/plain; charset=utf-8",
  });
  const command = { id: "ann", steps: [{ step: { case: "fail" as const, value: "not today" } }] };
  const error = await t.throwsAsync<ServiceError>(grpc.call(Model.method.process, command));
  t.like(error, { code: status.UNKNOWN, details: "not today" });
});

test("a refusal in the middle of a stream has its code over a WebSocket", async (t) => {
  const { proxy } = await start(t);
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/${Pipeline.typeName}/Streamed`);
  const heard: unknown[] = [];
  socket.addEventListener("message", ({ data }) => heard.push(JSON.parse(String(data))));
  const ended = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send(JSON.stringify(inGroup({ fail: "PERMISSION_DENIED not you" })));
  const { code, reason } = await ended;
  t.deepEqual(heard, [{ message: "a" }, { error: statusJson(7, "not you") }]);
  t.deepEqual([code, reason], [4007, "COMMAND_FAILED"]);
});

test("a repeat of a refused command with an idempotency key gets the same answer, if it was refused for good", async (t) => {
  const { http, commands } = await start(t);
  for (const path of [PROCESS, PROCESS_VALUE]) {
    const ask = (key: string, body: object) =>
      http.call(path, { body, headers: { ...JSON_FORM, "idempotency-key": key } });
    const first = await ask(
      "k",
      of("ann", { emit: "lost" }, { fail: "FAILED_PRECONDITION the cart is empty" }),
    );
    t.is(first.status, 400);
    const asked = commands.length;
    t.deepEqual(
      await ask("k", of("ann", { emit: "lost" }, { fail: "FAILED_PRECONDITION the cart is empty" })),
      first,
    );
    t.is(commands.length, asked, "nobody is asked again");
    t.like(await ask("k", of("ann", { emit: "A" })), { status: 409, errorCode: "IDEMPOTENCY_KEY_REUSED" });
  }
  const busy = { body: of("bob", { fail: "UNAVAILABLE later" }), headers: { "idempotency-key": "k" } };
  t.is((await http.call(PROCESS, busy)).status, 503);
  t.is((await http.call(PROCESS, busy)).status, 503);
  t.deepEqual(commands.filter((id) => id === "bob").length, 2);
});

test("an effect that is refused, with whatever code, is done: it is not tried again, and the answer is as it was", async (t) => {
  const { http, commands } = await start(t);
  const answer = await http.call(PROCESS_VALUE, {
    body: of("ann", { synchronousEffect: "target" }, { emit: "A" }),
  });
  t.like(answer, { status: 200, body: '{"message":"A"}' });
  t.is((await http.call(PROCESS, { body: of("target") })).status, 200);
  t.deepEqual(commands, ["target", "target"]);
});

test("of a handler that throws the caller gets where to look and nothing else, and the developer all of it, once", async (t) => {
  const { http, grpc, told, lines } = await start(t);
  const calls: readonly (readonly [path: string, body: object, text: string, code: string, where: string])[] =
    [
      [
        PROCESS,
        of("ann", { crash: "secret 1" }),
        "Unexpected entity failure: the log of the user function says why",
        "ENTITY_STREAM_BROKEN",
        "perdure.sdk.test.Model/Process, entity refusing/ann",
      ],
      [
        PROCESS_VALUE,
        of("ann", { crash: "secret 2" }),
        "Unexpected Value entity failure: the log of the user function says why",
        "ENTITY_STREAM_BROKEN",
        "perdure.sdk.test.ValueModel/Process, entity refusing-value/ann",
      ],
      [
        UNARY,
        inGroup({ crash: "secret 3" }),
        "Unexpected failure: the log of the user function says why",
        "UNKNOWN",
        "perdure.sdk.test.Pipeline/Unary",
      ],
    ];
  for (const [path, body, text, errorCode, where] of calls) {
    told.length = 0;
    const json = await http.call(path, { body, headers: JSON_FORM });
    t.like(json, { status: 500, errorCode });
    t.deepEqual(JSON.parse(json.body), statusJson(2, text, errorCode));
    t.is(told.length, 1, told.join("\n"));
    t.regex(told[0] ?? "", /^perdure: Unexpected failure in .*: RangeError: secret \d\n {4}at /);
    t.true(told[0]?.startsWith(`perdure: Unexpected failure in ${where}: `), told[0]);
  }
  const again = grpc.call(Model.method.process, { id: "ann" });
  t.is((await again).message, "", "the entity is read back");
  t.false(lines.some((line) => line.includes("reported to the user function")));
});
