// SPDX-License-Identifier: Apache-2.0

/** Forwards and side effects as spans (clause 5 of `Settler`). */

import test from "ava";

import type { Command } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { memoryTracer } from "../../test/lib/memory-tracer.ts";
import { until } from "../../test/lib/until.ts";
import { routerError } from "./router-error.ts";
import { effect, forward, reply, startRouter } from "./testdata/world.ts";

/** The span of the caller's command, which `tracedDispatch` would make. */
const ROOT = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "c=d" };

function traced(answer: (text: string, command: Command) => ReturnType<typeof reply>) {
  const tracer = memoryTracer();
  const router = startRouter(
    {
      unary: (_, text, command) => answer(text, command),
      entity: (name, _, { call }) => {
        const span = tracer.start(`in ${name}`, call.trace);
        span.end();
        return { kind: "nothing", effects: [] };
      },
    },
    {},
    { ...NO_TELEMETRY, tracer },
  );
  return { ...router, tracer, paths: () => tracer.spans.map(({ path }) => path) };
}

test("a forward is a span, and so is each effect; what they lead to is below them", async (t) => {
  const { send, paths, tracer } = traced((text) => {
    if (text === "a") return forward("Talks.Say", "b", [effect("Counter.Add", "x", true)]);
    if (text === "b") return forward("Talks.Say", "c", [effect("Counter.Get", "y", true)]);
    return reply(text, [effect("Talks.Say", "d", true)].slice(text === "d" ? 1 : 0));
  });
  t.is(await send("Talks.Say", "a", { trace: ROOT }), "c");
  const say = "perdure.test.Talks.Say";
  const root = ROOT.spanId;
  t.deepEqual(paths(), [
    `in Add < perdure.test.Counter.Add < ${root}`,
    `perdure.test.Counter.Add < ${root}`,
    `${say} < ${root}`,
    `in Get < perdure.test.Counter.Get < ${say} < ${root}`,
    `perdure.test.Counter.Get < ${say} < ${root}`,
    `${say} < ${say} < ${root}`,
    `${say} < ${say} < ${say} < ${root}`,
  ]);
  t.true(tracer.spans.every(({ context, link }) => context.state === "c=d" && link === undefined));
});

test("their spans end with their errors, and the caller's answer is what it was", async (t) => {
  const failing = traced((text) => {
    if (text === "a") return reply(text, [effect("Nobody.Say", "", true)]);
    return forward("Talks.Say", "a", [effect("Talks.Nothing", "", true)]);
  });
  t.is(await failing.send("Talks.Say", "", { trace: ROOT }), "a");
  t.deepEqual(
    failing.tracer.spans.map(({ error }) => (error as { readonly code?: string } | undefined)?.code),
    ["BAD_TARGET", undefined, "BAD_TARGET"],
  );
});

test("a forward to a stream is a span until its last answer", async (t) => {
  const tracer = memoryTracer();
  const { stream } = startRouter(
    {
      async *streamed(name, input) {
        for await (const text of input) {
          if (name === "Chat") yield forward("Talks.Recite", text);
          else for (const letter of text) yield reply(`${letter} ${tracer.spans.length}`);
        }
      },
    },
    {},
    { ...NO_TELEMETRY, tracer },
  );
  const heard: string[] = [];
  for await (const text of stream("Talks.Chat", ["ab"])) heard.push(text);
  t.deepEqual(heard, ["a 0", "b 0"]);
  t.deepEqual(
    tracer.spans.map(({ path, error }) => [path, error]),
    [["perdure.test.Talks.Recite", undefined]],
  );
});

test("a forward to a stream that is refused is a span that ends with the error", async (t) => {
  const { send, tracer } = traced((text) => forward("Talks.Recite", text));
  await t.throwsAsync(send("Talks.Say", "a", { trace: ROOT }), { code: "BAD_TARGET" });
  t.deepEqual(
    tracer.spans.map(({ path, error }) => [path, (error as { readonly code?: string }).code]),
    [[`perdure.test.Talks.Recite < ${ROOT.spanId}`, "BAD_TARGET"]],
  );
});

test("an effect that is carried out again begins a trace, which is linked to the span that stored it", async (t) => {
  const { router, tracer } = traced((text) => reply(text));
  const stored = { ...ROOT, spanId: "c".repeat(16) };
  const again = [{ ...effect("Counter.Add", "x"), trace: stored }, effect("Counter.Get", "y")];
  await router.carryOutAgain(again, "Counter entity a");
  await until("both are done", () => tracer.spans.length === 4);
  const [, add, , get] = tracer.spans;
  t.like(add, { path: "perdure.test.Counter.Add", link: stored });
  t.like(get, { path: "perdure.test.Counter.Get", link: undefined });
  t.not(add?.context.traceId, ROOT.traceId);
});

test("each try of an effect is a span", async (t) => {
  const tracer = memoryTracer();
  let tries = 0;
  const { send, clock } = startRouter(
    {
      unary: (_, text) => reply(text, [effect("Counter.Add", "x", true, () => undefined)]),
      entity() {
        tries++;
        if (tries === 1) throw routerError(Status.UNAVAILABLE, "SHARD_MOVING", "not now");
        return { kind: "nothing", effects: [] };
      },
    },
    {},
    { ...NO_TELEMETRY, tracer },
  );
  await send("Talks.Say", "a", { trace: ROOT });
  await until("the effect is tried again", () => {
    clock.advance(1_000);
    return tracer.spans.length === 2;
  });
  const path = `perdure.test.Counter.Add < ${ROOT.spanId}`;
  t.like(tracer.spans[0], { path, error: { code: "SHARD_MOVING" } });
  t.like(tracer.spans[1], { path, error: undefined });
});
