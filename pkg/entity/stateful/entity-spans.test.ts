// SPDX-License-Identifier: Apache-2.0

/** What an entity does for a command, as spans (`EntityWatch`, `activate`). */

import test from "ava";

import { tracedLog } from "../../eventlog/mod.ts";

import { memoryTracer } from "../../../test/lib/memory-tracer.ts";
import { until } from "../../../test/lib/until.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { answering, world } from "../testdata/world.ts";

const { passivationTimeoutMs, relayTimeoutMs } = DEFAULT_ENTITY_OPTIONS;

const COMMAND = "b".repeat(16);
const trace = { traceId: "a".repeat(32), spanId: COMMAND, isSampled: true };

test("an activation says what it read, and whether the user function got a snapshot", async (t) => {
  for (const snapshot of [undefined, "s"]) {
    const tracer = memoryTracer();
    const { ask, clock, runtime } = await world(
      t,
      answering(() => ({ events: ["x"], ...(snapshot !== undefined && { snapshot }) })),
      { tracer },
    );
    await ask("a");
    clock.advance(passivationTimeoutMs);
    await until("the entity has left", () => runtime.active === 0);
    await ask("a", 1, { trace });
    const [first, second] = tracer.spans.filter(({ path }) => path.startsWith("activation"));
    const of = { "perdure.entity.kind": "event-sourced", "perdure.entity.type": "counter" };
    const nothing = { "perdure.records": 0, "perdure.bytes": 0, "perdure.snapshot": false };
    t.deepEqual(first?.attributes, { ...of, ...nothing });
    t.is(second?.path, `activation < ${COMMAND}`);
    t.like(second?.attributes, {
      "perdure.records": snapshot === undefined ? 1 : 0,
      "perdure.snapshot": snapshot !== undefined,
    });
    t.true(Number(second?.attributes["perdure.bytes"]) > 10);
  }
});

test("reads are parts of the activation", async (t) => {
  const tracer = memoryTracer();
  const { ask } = await world(
    t,
    answering(() => ({})),
    { tracer, log: (log) => tracedLog(log, tracer) },
  );
  await ask("a", 1, { trace });
  t.is(tracer.spans[0]?.path, `read < activation < ${COMMAND}`);
});

test("an activation that fails says why", async (t) => {
  const tracer = memoryTracer();
  const { ask, log } = await world(
    t,
    answering(() => ({})),
    { tracer },
  );
  await log.append({ type: "counter", id: "a" }, 0, Buffer.from("no record"));
  await t.throwsAsync(ask("a", 1, { trace }), { code: "HISTORY_UNREADABLE" });
  t.is(tracer.spans.length, 1);
  t.truthy(tracer.spans[0]?.error);
});

test("a command that waits for another has the time since it came in a span, and one that need not wait has none", async (t) => {
  const tracer = memoryTracer();
  let answerFirst = (): void => undefined;
  const answer = answering(() => ({}));
  const { ask, clock, streams } = await world(
    t,
    (message, stream) => {
      const isFirst = message.message.case === "command" && message.message.value.id === 2n;
      if (isFirst) answerFirst = () => answer?.(message, stream);
      else answer?.(message, stream);
    },
    { tracer },
  );
  await ask("a");
  const spanIds = ["1", "2"].map((digit) => digit.repeat(16));
  const [one, two] = spanIds.map((spanId) => ask("a", 1, { trace: { ...trace, spanId } }));
  const cameMs = clock.monotonicMs();
  await until("the first is asked", () => streams[0]?.received.length === 3);
  clock.advance(100);
  answerFirst();
  await Promise.all([one, two]);
  t.deepEqual(
    tracer.spans.slice(1).map(({ path }) => path),
    [`user function < ${spanIds[0]}`, `queue < ${spanIds[1]}`, `user function < ${spanIds[1]}`],
  );
  t.is(tracer.spans.find(({ path }) => path.startsWith("queue"))?.startMs, cameMs);
});

test("the span of a user function that does not answer ends with the error", async (t) => {
  const tracer = memoryTracer();
  const { ask, clock, streams } = await world(t, undefined, { tracer });
  const asked = ask("a", 1, { trace });
  await until("it is asked", () => streams[0]?.received.length === 2);
  clock.advance(relayTimeoutMs);
  await t.throwsAsync(asked, { code: "RELAY_TIMEOUT" });
  const spans = tracer.spans.filter(({ path }) => path.startsWith("user function"));
  t.is(spans.length, 1);
  t.like(spans[0], { path: `user function < ${COMMAND}`, error: { code: "RELAY_TIMEOUT" } });
});

test("a command whose trace is not kept has no such spans", async (t) => {
  const tracer = memoryTracer(false);
  const { ask } = await world(
    t,
    answering(() => ({})),
    { tracer },
  );
  await ask("a", 1, { trace: { ...trace, isSampled: false } });
  t.deepEqual(
    tracer.spans.map(({ path }) => path),
    [`activation < ${COMMAND}`],
  );
});
