// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import { PullBuffer, systemClock } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";
import { callerlessCall } from "../../call/mod.ts";
import { connect, Status, StatusError } from "../../grpc/mod.ts";
import { ActionResponseSchema } from "../../protocol/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";
import type { ServedMethod } from "../../userfunction/mod.ts";
import { validateSpec } from "../../userfunction/mod.ts";

import { plenty } from "../../../test/lib/plenty.ts";
import { roomyStreams } from "../../../test/lib/roomy-streams.ts";
import type { ScriptedAction } from "../../../test/lib/scripted-actions.ts";
import { startScriptedUserFunction } from "../../../test/lib/scripted-user-function.ts";
import { line, lineReply, TALKS_SERVICE, talksSpec, textOf } from "../../../test/lib/talks.ts";
import { until } from "../../../test/lib/until.ts";
import type { Outcome } from "../outcome.ts";
import { ENTITY_KINDS } from "../stateful/entity-runtime.ts";
import { ACTION, ActionRuntime } from "./runtime.ts";

const MAX_FIELDS = 40_000;

function methodOf(name: string): ServedMethod {
  const validation = validateSpec(talksSpec(), [...ENTITY_KINDS, ACTION]);
  const method = validation.ok ? validation.spec.services.get(TALKS_SERVICE)?.methods.get(name) : undefined;
  if (method === undefined) throw new Error(`no method ${name}`);
  return method;
}

/** A caller whose messages the test pushes. `told` lists the calls of the buffer to its source. */
function caller() {
  const told: string[] = [];
  const tell = (word: string) => () => void told.push(word);
  const source = {
    start: tell("start"),
    pause: tell("pause"),
    resume: tell("resume"),
    cancel: tell("cancel"),
  };
  const input = new PullBuffer<Uint8Array>(source, 1_000);
  return { input, told, say: (text: string) => input.push(line(text), 1) };
}

/** The runtime in front of a scripted user function, and one stream of a method. */
async function start(t: ExecutionContext, name: string, onAction: (call: ScriptedAction) => void) {
  const opened: ScriptedAction[] = [];
  const reports: string[] = [];
  const userFunction = await startScriptedUserFunction({
    spec: talksSpec(),
    onAction: (call) => {
      opened.push(call);
      onAction(call);
    },
  });
  const connection = await connect({ host: "127.0.0.1", port: userFunction.port, clock: systemClock });
  t.teardown(() => {
    connection.destroy();
    userFunction.kill();
  });
  const clock = new ManualClock();
  const runtime = new ActionRuntime({
    telemetry: NO_TELEMETRY,
    streams: roomyStreams(connection),
    clock,
    options: { relayTimeoutMs: 1_000, streamIdleTimeoutMs: 5_000, maxMessageFields: MAX_FIELDS },
    reportError: (text) => void reports.push(text),
  });
  const from = caller();
  let cancel = (): void => undefined;
  const bytes = plenty().charge();
  const stream = runtime.streamed({
    method: methodOf(name),
    input: from.input,
    call: {
      ...callerlessCall(bytes),
      onCancel: (listener) => {
        cancel = listener;
      },
    },
  });
  return { reports, runtime, stream, bytes, from, opened, clock, userFunction, cancel: () => cancel() };
}

const shown = (outcome: Outcome | undefined): string =>
  outcome?.kind === "reply" ? textOf(outcome.payload) : String(outcome?.kind);

test("nothing is opened, and nothing taken from the caller, before the first answer is asked for", async (t) => {
  const { stream, from, opened } = await start(t, "Chat", (call) => void call.send(lineReply("a")));
  from.say("hello");
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual([opened.length, from.told], [0, []]);
  t.is(shown((await stream.next()).value), "a");
  t.is(opened.length, 1);
  await until("the caller is asked", () => from.told.includes("start") || from.told.includes("resume"));
  await stream.return?.();
});

test("a reader that leaves cancels the call at the user function, and returns the caller's input", async (t) => {
  const { stream, from, opened } = await start(t, "Chat", (call) => void call.send(lineReply("a")));
  await stream.next();
  await stream.return?.();
  t.true(from.told.includes("cancel"));
  await opened[0]?.cancelled;
  t.deepEqual(await stream.next(), { done: true, value: undefined });
});

test("a caller that goes away ends a waiting reader, and cancels the call at the user function", async (t) => {
  const { stream, from, opened, cancel } = await start(t, "Recite", () => undefined);
  const waiting = stream.next();
  from.say("hello");
  await until("it is open", () => opened.length === 1);
  cancel();
  await t.throwsAsync(waiting, { code: "CANCELLED" });
  await opened[0]?.cancelled;
});

test("a caller that has gone before the first answer is asked for opens nothing", async (t) => {
  const { runtime, opened, from } = await start(t, "Recite", () => undefined);
  const onCancel = (listener: () => void): void => listener();
  const call = { ...callerlessCall(plenty().charge()), onCancel };
  const stream = runtime.streamed({ method: methodOf("Recite"), input: from.input, call });
  await t.throwsAsync(stream.next(), { code: "CANCELLED" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual([opened.length, from.told], [0, ["cancel"]]);
});

test("an input that fails fails the stream, behind what was answered before", async (t) => {
  const { stream, from, opened } = await start(t, "Chat", (call) => void call.send(lineReply("a")));
  t.is(shown((await stream.next()).value), "a");
  const waiting = stream.next();
  from.input.end(new StatusError(Status.UNIMPLEMENTED, "MESSAGE_COUNT", "too many"));
  await t.throwsAsync(waiting, { code: "MESSAGE_COUNT" });
  await opened[0]?.cancelled;
});

test("nothing in either direction for the idle time-out ends the stream; any message starts the time anew", async (t) => {
  const { stream, from, opened, clock } = await start(t, "Chat", (call) => {
    void (async () => {
      for await (const { payload } of call.commands)
        if (payload !== undefined) await call.send(lineReply(textOf(payload.value)));
    })().catch(() => undefined);
  });
  for (const word of ["a", "b", "c"]) {
    const answer = stream.next();
    from.say(word);
    t.is(shown((await answer).value), word);
    clock.advance(4_000);
  }
  const waiting = stream.next();
  clock.advance(1_000);
  await t.throwsAsync(waiting, { code: "STREAM_IDLE", message: /Talks\.Chat had no message .* for 5000 ms/ });
  await opened[0]?.cancelled;
  t.true(from.told.includes("cancel"));
});

test("a user function that is not there fails the stream, and the caller's input is returned", async (t) => {
  const from = caller();
  const gone = new StatusError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", "gone");
  const runtime = new ActionRuntime({
    telemetry: NO_TELEMETRY,
    streams: roomyStreams({
      open: () => {
        throw gone;
      },
      unary: () => Promise.reject(gone),
    }),
    clock: new ManualClock(),
    options: { relayTimeoutMs: 1_000, streamIdleTimeoutMs: 5_000, maxMessageFields: MAX_FIELDS },
    reportError: () => undefined,
  });
  const call = callerlessCall(plenty().charge());
  const stream = runtime.streamed({ call, method: methodOf("Chat"), input: from.input });
  t.is(await t.throwsAsync(stream.next()), gone);
  t.deepEqual(from.told, ["cancel"]);
  const unary = runtime.unary({ call, method: methodOf("Say"), payload: line("a") });
  t.is(await t.throwsAsync(unary), gone);
});

test("(I11) an answer that waits is counted with its object, and keeps no more than its own bytes", async (t) => {
  const answers = 20;
  const answer = toBinary(ActionResponseSchema, create(ActionResponseSchema, lineReply("a")));
  const { stream, bytes, from } = await start(t, "Recite", (call) => {
    for (let sent = 0; sent < answers; sent++) void call.sendBytes(answer);
  });
  from.say("hello");
  await stream.next();
  // An answer and its buffer take 220 to 340 bytes in memory.
  await until("all have come", () => bytes.held >= answers * (answer.length + 320));
  t.is(bytes.held, answers * (answer.length + 320));
  for (let left = answers - 1; left > 0; left--) {
    const { value } = await stream.next();
    const kept = value?.kind === "reply" ? value.payload.buffer.byteLength : undefined;
    t.true(kept !== undefined && kept <= answer.length + 64, `it keeps ${kept} bytes`);
    t.is(bytes.held, left * (answer.length + 320));
  }
  await stream.return?.();
});

/** An answer with more side effects than an answer may have fields. */
const manyEffects = Buffer.concat([
  toBinary(ActionResponseSchema, create(ActionResponseSchema, lineReply("a"))),
  Buffer.alloc(2 * MAX_FIELDS, Buffer.of(8 * ActionResponseSchema.field.sideEffects.number + 2, 0)),
]);

test("(I11) an answer with too many fields is refused, the user function told, and the next is answered", async (t) => {
  let bytes = manyEffects;
  const { runtime, stream, reports, from } = await start(t, "Recite", (call) => void call.sendBytes(bytes));
  const call = { method: methodOf("Say"), payload: line("a"), call: callerlessCall(plenty().charge()) };
  const refused = {
    code: "PROTOCOL_VIOLATION",
    message: /(Say|Recite): a .*ActionResponse .* than 40000 fields/,
  };
  await t.throwsAsync(runtime.unary(call), refused);
  from.say("hello");
  await t.throwsAsync(stream.next(), refused);
  t.is(reports.length, 2);
  t.true(reports.every((text) => refused.message.test(text)));
  bytes = bytes.subarray(0, bytes.length / 2);
  t.is(shown(await runtime.unary(call)), "a");
});
