// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { CodedError } from "../../base/mod.ts";
import { ManualClock, seededRandom } from "../../base/test-doubles/mod.ts";

import { NumberedContext } from "../span-ids.ts";
import type { TraceContext } from "../telemetry.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import { RecordingTracer } from "./recording-tracer.ts";
import { samplerOf } from "./sampler.ts";
import { attributesOf } from "./testdata/attributes-of.ts";

class TestError extends CodedError<"FULL"> {}

function recording(sampler = "parentbased_always_on") {
  const clock = new ManualClock(1_000);
  const ended: RecordedSpan[] = [];
  const tracer = new RecordingTracer({
    clock,
    random: seededRandom(7),
    sampler: samplerOf(sampler, "").sampler,
    onEnded: (span) => void ended.push(span),
  });
  return { clock, ended, tracer };
}

test("ids are as W3C Trace Context wants them, even if chance gives zeros", (t) => {
  const source = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.infiniteStream(source), (stream) => {
      const random = (): number => stream.next().value;
      const { traceId, spanId } = new NumberedContext(random, undefined);
      t.regex(traceId, /^(?!0+$)[0-9a-f]{32}$/);
      t.regex(spanId, /^(?!0+$)[0-9a-f]{16}$/);
    }),
  );
  t.is(new NumberedContext(() => 0, undefined).spanId, "0000000000000001");
});

test("a span has its times, its parent and what was set", (t) => {
  const { clock, ended, tracer } = recording();
  const root = tracer.start("command", undefined, { kind: "server", startMs: 990 });
  clock.advance(5);
  const child = tracer.start("append", root.context);
  child.set("bytes", 12);
  clock.advance(5);
  child.end(new TestError("FULL", "no room", { cause: new Error("disk") }));
  child.end();
  root.end();
  t.like(ended[0], { name: "append", kind: "internal", startMs: 1_005, endMs: 1_010, parent: root.context });
  t.deepEqual(attributesOf(ended[0]), { bytes: 12 });
  t.deepEqual(ended[0]?.failure, { type: "FULL", message: "no room: disk" });
  t.like(ended[1], { name: "command", kind: "server", startMs: 990, endMs: 1_010, parent: undefined });
  t.is(ended[1]?.failure, undefined);
  t.is(child.context?.traceId, root.context?.traceId);
  t.not(child.context?.spanId, root.context?.spanId);
  t.is(ended.length, 2, "a span ends once");
});

test("what the context of a parent says beside the ids is passed on", (t) => {
  const { tracer } = recording();
  const parent = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: true, state: "a=b" };
  const child = tracer.start("a", parent);
  const wanted = { traceId: parent.traceId, isSampled: true, hasRandomId: undefined, state: "a=b" };
  t.like(child.context, wanted);
  t.like(tracer.start("b", child.context).context, wanted);
  t.like(tracer.start("c", undefined).context, { hasRandomId: true, state: undefined });
});

test("a span that is not sampled records nothing, and its children have its context itself", (t) => {
  const { ended, tracer } = recording("parentbased_always_off");
  const root = tracer.start("a", undefined);
  t.false(root.context?.isSampled);
  t.regex(root.context?.traceId ?? "", /^[0-9a-f]{32}$/);
  const child = tracer.start("b", root.context);
  t.is(child.context, root.context);
  child.set("a", 1);
  child.end();
  root.end(new Error("lost"));
  const remote: TraceContext = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: false };
  t.is(tracer.start("c", remote).context, remote);
  t.deepEqual(ended, []);
});

test("what one span holds is bounded", (t) => {
  const { ended, tracer } = recording();
  const span = tracer.start("x".repeat(5_000), undefined);
  for (let i = 0; i < 200; i++) span.set(`a${i}`, "y".repeat(5_000));
  span.set("a0", "again");
  span.end(new Error("z".repeat(5_000)));
  const [recorded] = ended;
  t.true((recorded?.name.length ?? 0) < 1_100);
  const attributes = attributesOf(recorded);
  t.is(Object.keys(attributes).length, 128);
  t.is(recorded?.droppedAttributes, 72);
  t.is(attributes["a0"], "again");
  t.true(Object.values(attributes).every((value) => String(value).length < 1_100));
  t.true((recorded?.failure?.message.length ?? 0) < 1_100);
});
