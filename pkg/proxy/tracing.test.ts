// SPDX-License-Identifier: Apache-2.0

/** Shows what is traced, and that the trace of a request reaches everything that follows from it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { ActionCommand } from "../protocol/mod.ts";
import { messageTypeUrl } from "../protocol/mod.ts";
import { NO_TELEMETRY, NO_TRACER, writeTraceparent } from "../telemetry/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { startWorld } from "../../test/lib/local-proxy.ts";
import type { FinishedSpan, MemoryTracer } from "../../test/lib/memory-tracer.ts";
import { memoryTracer } from "../../test/lib/memory-tracer.ts";
import type { ScriptedAction } from "../../test/lib/scripted-actions.ts";
import type { Script, StreamOut } from "../../test/lib/scripted-user-function.ts";
import { lineAny, TALKS_SERVICE, talksSpec } from "../../test/lib/talks.ts";
import { CHAIN_BODY, CHAIN_PATH, CHAIN_SPANS, tracedChain } from "../../test/lib/traced-chain.ts";
import { until } from "../../test/lib/until.ts";

/** Answers every command of an entity with this action. */
function answering(action: object, events: readonly object[] = []): Script {
  return {
    spec: counterSpec(),
    onMessage({ message }, stream) {
      if (message.case !== "command") return;
      const commandId = message.value.id;
      const value = { commandId, clientAction: { action }, events };
      stream.send({ message: { case: "reply", value } } as StreamOut);
    },
  };
}

const ADD = `/${COUNTER_SERVICE}/Add`;
const PAYLOAD = { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest("a") };

test("a command is a span, and so are its parts, as its children", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "reply", value: { payload: PAYLOAD } }, [PAYLOAD]);
  const { grpc } = await startWorld(t, script, {}, { tracer });
  await grpc.callBytes(ADD, counterRequest("a", 1));
  t.deepEqual(
    ofRequests(tracer).map(({ path }) => path),
    [...OF_NEW_ENTITY, "append < perdure.test.Counter.Add", "perdure.test.Counter.Add"],
  );
});

test("the start of the proxy is a span, with its parts as children, and the first activation is linked to it", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "reply", value: { payload: PAYLOAD } }, [PAYLOAD]);
  const { grpc } = await startWorld(t, script, {}, { tracer });
  for (const entity of ["a", "b"]) await grpc.callBytes(ADD, counterRequest(entity, 1));
  const parts = ["load", "start admin", "start metrics", "start log", "start endpoint", "discovery"];
  const start = tracer.spans.find(({ path }) => path === "start")?.context;
  t.deepEqual(
    tracer.spans.filter(({ path }) => isOfStart(path)).map(({ path }) => path),
    [...parts.map((part) => `${part} < start`), "start"],
  );
  t.deepEqual(
    ofRequests(tracer).flatMap(({ path, link }) => (path.startsWith("activation < ") ? [link] : [])),
    [start, undefined],
  );
});

/** What happens before the first command to an entity is answered, in the order in which it ends. */
const OF_NEW_ENTITY = [
  "read < activation < perdure.test.Counter.Add",
  "activation < perdure.test.Counter.Add",
  "queue < perdure.test.Counter.Add",
  "user function < perdure.test.Counter.Add",
];

const isOfStart = (path: string): boolean => path === "start" || path.endsWith(" < start");

function ofRequests({ spans }: MemoryTracer): readonly FinishedSpan[] {
  return spans.filter(({ path }) => !isOfStart(path));
}

test("a span ends with the error of its command", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "failure", value: { description: "no" } });
  const { grpc } = await startWorld(t, script, {}, { tracer });
  await t.throwsAsync(grpc.callBytes(ADD, counterRequest("a", 1)), { message: /no$/ });
  t.like(tracer.spans.at(-1), { path: "perdure.test.Counter.Add", error: { code: "COMMAND_FAILED" } });
});

const CALLER = "00f067aa0ba902b7";
const HEADERS = {
  traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${CALLER}-01`,
  tracestate: "vendor=1",
};

test("an activation, an append, a forward to an action and a side effect on an entity are one trace", async (t) => {
  const tracer = memoryTracer();
  const { script, said } = tracedChain("trace-context");
  const { http, userFunction } = await startWorld(t, script, {}, { tracer });
  const answer = await http.call(CHAIN_PATH, { body: CHAIN_BODY, headers: HEADERS });
  t.is(answer.status, 200, answer.body);
  const add = `perdure.test.Counter.Add < ${CALLER}`;
  const effect = `perdure.test.Counter.Add < ${add}`;
  const say = `perdure.test.Talks.Say < ${add}`;
  t.deepEqual(
    ofRequests(tracer)
      .map(({ path }) => path)
      .toSorted(),
    CHAIN_SPANS.map((path) => `${path} < ${CALLER}`).toSorted(),
  );
  for (const { context } of ofRequests(tracer))
    t.like(context, { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", isSampled: true, state: "vendor=1" });

  const headersOf = (path: string) => {
    const span = tracer.spans.find((one) => one.path === path);
    const traceparent = span === undefined ? "" : writeTraceparent(span.context);
    return { traceparent, tracestate: "vendor=1" };
  };
  const texts = (metadata: ActionCommand["metadata"]) =>
    Object.fromEntries((metadata?.entries ?? []).map(({ key, value }) => [key, value.value]));
  const [a, b] = userFunction.streams;
  t.like(a?.headers, headersOf(add));
  t.like(b?.headers, headersOf(effect));
  const commands = [a, b].map((stream) => stream?.received.at(-1)?.message);
  t.deepEqual(
    commands.map((message) => message?.case === "command" && texts(message.value.metadata)),
    [headersOf(add), headersOf(effect)],
  );
  t.deepEqual(texts(said[0]?.metadata), headersOf(say));
});

test("a user function that does not announce it gets no trace with the commands of entities", async (t) => {
  const { script, said } = tracedChain("failures");
  const { http, userFunction } = await startWorld(t, script, {}, { tracer: memoryTracer() });
  await http.call(CHAIN_PATH, { body: CHAIN_BODY, headers: HEADERS });
  const messages = userFunction.streams.map(({ received }) => received.at(-1)?.message);
  t.deepEqual(
    messages.map((message) => message?.case === "command" && message.value.metadata),
    [undefined, undefined],
  );
  t.is(said.length, 1);
});

test("an action gets its own span in place of what its caller sent, and without a tracer what the caller sent", async (t) => {
  const said: (readonly [string, string])[] = [];
  const say = async (call: ScriptedAction): Promise<void> => {
    for await (const { metadata } of call.commands)
      for (const { key, value } of metadata?.entries ?? [])
        if (key.startsWith("trace")) said.push([key, value.value as string]);
    await call.send({ response: { case: "reply", value: { payload: lineAny("hi") } } });
    call.end();
  };
  const script: Script = { spec: talksSpec(), onAction: (call) => void say(call) };
  const tracer = memoryTracer();
  for (const name of ["Say", "Recite"]) {
    const traced = await startWorld(t, script, {}, { tracer });
    await traced.http.call(`/${TALKS_SERVICE}/${name}`, { body: { text: "a" }, headers: HEADERS });
    const context = tracer.spans.findLast(
      ({ path }) => path === `perdure.test.Talks.${name} < ${CALLER}`,
    )?.context;
    t.deepEqual(said.splice(0), [
      ["traceparent", context && writeTraceparent(context)],
      ["tracestate", "vendor=1"],
    ]);
    const plain = await startWorld(t, script);
    await plain.http.call(`/${TALKS_SERVICE}/${name}`, { body: { text: "a" }, headers: HEADERS });
    t.deepEqual(said.splice(0), Object.entries(HEADERS));
  }
});

test("a side effect that the next process carries out is linked to the span that stored it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "perdure-tracing-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const env = { PERDURE_LOG: `sqlite:${join(folder, "log.db")}`, PERDURE_EFFECT_SWEEP_INTERVAL_MS: "1000" };
  const [before, after] = [memoryTracer(), memoryTracer()];
  /** Entity `a` has a side effect on entity `b`, which answers or never does. */
  const script = (isAnswering: boolean): Script => ({
    spec: counterSpec(),
    onMessage({ message }, stream) {
      if (message.case !== "command") return;
      const { id: commandId, entityId } = message.value;
      if (entityId === "b" && !isAnswering) return;
      const payload = { ...PAYLOAD, value: counterRequest("b") };
      const effect = { serviceName: COUNTER_SERVICE, commandName: "Add", payload };
      const clientAction = { action: { case: "reply", value: { payload: PAYLOAD } } };
      const value = {
        commandId,
        clientAction,
        events: [PAYLOAD],
        sideEffects: entityId === "a" ? [effect] : [],
      };
      stream.send({ message: { case: "reply", value } } as StreamOut);
    },
  });
  const first = await startWorld(t, script(false), env, { tracer: before });
  await first.http.call(ADD, { body: { id: "a" }, headers: HEADERS });
  await until("the effect is asked for", () => first.userFunction.streams[1]?.received.length === 2);
  const stored = before.spans.find(({ path }) => path === `perdure.test.Counter.Add < ${CALLER}`)?.context;
  first.userFunction.kill();
  await first.proxy.stop();

  await startWorld(t, script(true), env, { tracer: after });
  const carriedOut = () =>
    after.spans.find(({ path, link }) => link !== undefined && !path.startsWith("activation"));
  await until("the effect is carried out", () => carriedOut() !== undefined);
  const effect = carriedOut();
  t.is(effect?.path, "perdure.test.Counter.Add");
  t.is(effect?.error, undefined);
  t.deepEqual(effect?.link, { traceId: stored?.traceId, spanId: stored?.spanId, isSampled: true });
  t.not(effect?.context.traceId, stored?.traceId);
});

test("spans say what they are in OpenTelemetry's terms, and the first command that it is the first", async (t) => {
  const tracer = memoryTracer();
  const { http } = await startWorld(t, tracedChain().script, {}, { tracer });
  for (let i = 0; i < 2; i++) await http.call(CHAIN_PATH, { body: CHAIN_BODY });
  const ofAll = (path: string) =>
    tracer.spans.filter((span) => span.path === path).map(({ attributes }) => attributes);
  const add = "perdure.test.Counter.Add";
  const command = {
    "rpc.system.name": "grpc",
    "rpc.method": "perdure.test.Counter/Add",
    "rpc.status_code": "OK",
  };
  t.deepEqual(ofAll(add), [{ ...command, "faas.coldstart": true }, command]);
  t.deepEqual(ofAll(`${add} < ${add}`)[0], { "perdure.cause": "effect" });
  t.deepEqual(ofAll(`perdure.test.Talks.Say < ${add}`)[0], { "perdure.cause": "forward" });
  t.deepEqual(ofAll(`user function < ${add}`)[0], {
    "rpc.method": "cloudstate.eventsourced.EventSourced/handle",
  });
  t.deepEqual(ofAll(`user function < perdure.test.Talks.Say < ${add}`)[0], {
    "rpc.system.name": "grpc",
    "rpc.method": "cloudstate.action.ActionProtocol/handleUnary",
    "rpc.status_code": "OK",
  });
  t.like(ofAll(`append < ${add}`)[0], { "perdure.entity.type": "counter" });
});

test("a command that fails says its status", async (t) => {
  const tracer = memoryTracer();
  const script = answering({ case: "failure", value: { description: "no" } });
  const { http } = await startWorld(t, script, {}, { tracer });
  await http.call(CHAIN_PATH, { body: CHAIN_BODY });
  const command = tracer.spans.find(({ path }) => path === "perdure.test.Counter.Add");
  t.is(command?.attributes["rpc.status_code"], "UNKNOWN");
  t.false(tracer.spans.some(({ path }) => path.startsWith("reply")));
});

const entries = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join();

for (const [what, headers] of Object.entries({
  "a traceparent that is too long": { traceparent: `cc${HEADERS.traceparent.slice(2)}-${"x".repeat(4_000)}` },
  "a malformed traceparent": { traceparent: HEADERS.traceparent.replaceAll("-", ":") },
  "100 traceparents": { traceparent: Array.from({ length: 100 }, () => HEADERS.traceparent).join() },
})) {
  test(`${what} does nothing but begin a trace`, async (t) => {
    t.like(await tracedAnswer(t, { ...HEADERS, ...headers }), { isOfCaller: false, state: undefined });
  });
}

for (const [what, headers] of Object.entries({
  "a tracestate that is too long": { tracestate: `a=${"x".repeat(4_000)}` },
  "a malformed tracestate": { tracestate: "a=b,=,;" },
  "a tracestate with 1,000 entries": { tracestate: entries(1_000) },
})) {
  test(`${what} is left out, and the trace goes on, as W3C demands`, async (t) => {
    t.like(await tracedAnswer(t, { ...HEADERS, ...headers }), { isOfCaller: true, state: undefined });
  });
}

for (const [what, baggage] of Object.entries({
  "that is too long": `a=${"x".repeat(9_000)}`,
  "that is malformed": "=;,=",
  "with 1,000 entries": entries(1_000),
})) {
  test(`baggage ${what} does nothing`, async (t) => {
    t.like(await tracedAnswer(t, { ...HEADERS, baggage }), { isOfCaller: true, state: "vendor=1" });
  });
}

/** Sends a command with these headers, and says of which trace its span is. */
async function tracedAnswer(t: ExecutionContext, headers: Readonly<Record<string, string>>) {
  const tracer = memoryTracer();
  const { http } = await startWorld(t, tracedChain().script, {}, { tracer });
  const { status } = await http.call(CHAIN_PATH, { body: CHAIN_BODY, headers });
  t.is(status, 200);
  const { path, context } = tracer.spans.find(({ attributes }) => "faas.coldstart" in attributes)!;
  return { isOfCaller: path.endsWith(CALLER), state: context.state };
}

test("without a tracer a span is one frozen object", (t) => {
  const { tracer } = NO_TELEMETRY;
  t.is(tracer, NO_TRACER);
  t.is(tracer.start("a", undefined), tracer.start("b", undefined));
  t.true(Object.isFrozen(tracer.start("a", undefined)));
});
