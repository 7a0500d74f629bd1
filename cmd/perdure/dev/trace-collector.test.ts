// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { commandTrace, traced } from "./test-lib/traced.ts";
import type { ShownTrace, TraceNode } from "./trace-collector.ts";

/** Names with those below them in brackets. */
function shape({ name, children }: TraceNode): string {
  return children.length === 0 ? name : `${name}(${children.map(shape).join(" ")})`;
}

const shapes = (shown: readonly ShownTrace[]): string[] => shown.map(({ root }) => shape(root));

test("the spans of a request are one tree, by their parents, with their times and failures", (t) => {
  const { root, leftOut, missed } = commandTrace();
  t.is(
    shape(root),
    "com.example.shoppingcart.ShoppingCart.AddItem(read user function(validate) append shop.Stock.Reserve)",
  );
  t.like(root, { startMs: 5_000, failure: "LOG_UNAVAILABLE" });
  t.like(root.children[0], { startMs: 5_000.5, endMs: 5_003, failure: undefined });
  t.deepEqual([leftOut, missed], [0, 0]);
});

test("a trace is shown once its spans have ended, a moment after the first one has", (t) => {
  const { clock, shown, tracer, request } = traced();
  const a = request("a");
  const b = request("b");
  const child = tracer.start("append", a.context);
  a.end();
  b.end();
  t.deepEqual(shapes(shown), [], "the line of the request comes before");
  clock.advance(50);
  t.deepEqual(shapes(shown), ["b"]);
  child.end();
  clock.advance(50);
  t.deepEqual(shapes(shown), ["b", "a(append)"]);
  t.is(clock.pending, 0);
});

test("a span that does not end holds its trace back for two seconds only", (t) => {
  const { clock, shown, tracer, request } = traced();
  const a = request("a");
  tracer.start("watch", a.context);
  a.end();
  clock.advance(1_999);
  t.is(shown.length, 0);
  clock.advance(1);
  t.deepEqual(shapes(shown), ["a(watch)"]);
  t.is(shown[0]?.root.children[0]?.endMs, undefined);
  t.is(clock.pending, 0);
});

test("a request below a trace that was shown is a trace of its own, and so is one below another program's", (t) => {
  const { clock, shown, tracer, request } = traced();
  const a = request("a");
  const b = tracer.start("watch", a.context);
  a.end();
  clock.advance(2_000);
  b.end();
  tracer.start("late", b.context).end();
  request("effect", a.context).end();
  const caller = { traceId: "1".repeat(32), spanId: "2".repeat(16), isSampled: false };
  request("called", caller).end();
  request("called again", caller).end();
  clock.advance(50);
  t.deepEqual(shapes(shown), ["a(watch)", "effect", "called", "called again"]);
  t.is(shown[1]?.traceId, shown[0]?.traceId);
  t.is(shown[2]?.traceId, caller.traceId);
});

test("what the proxy does for itself is not shown", (t) => {
  const { clock, shown, tracer } = traced();
  const start = tracer.start("start", undefined);
  tracer.start("load", start.context).end();
  start.end();
  clock.advance(5_000);
  t.deepEqual(shown, []);
  t.is(clock.pending, 0);
});

test("spans, traces and bytes are bounded, and what is beyond is counted", (t) => {
  const bounds = { maxSpans: 3, maxTraces: 2, maxBytes: 1_000_000 };
  const { clock, shown, watcher, tracer, request } = traced(bounds);
  const a = request("a");
  const b = request("b");
  const missed = [request("c"), request("d")];
  for (const span of missed) tracer.start("append", span.context).end();
  for (const name of ["1", "2", "3"]) {
    const child = tracer.start(name, a.context);
    tracer.start("below", child.context).end();
    child.end();
  }
  for (const span of [a, b, ...missed]) span.end();
  clock.advance(50);
  t.deepEqual(shapes(shown), ["a(1(below))", "b"]);
  t.deepEqual(
    shown.map(({ leftOut, missed }) => [leftOut, missed]),
    [
      [4, 2],
      [0, 0],
    ],
  );
  request("e").end();
  clock.advance(50);
  t.deepEqual(shapes(shown.slice(2)), ["e"], "there is room again");
  t.is(watcher.bytes, 0);
});

test("the bytes of all traces are bounded, whatever the spans are called", (t) => {
  const maxBytes = 10_000;
  const { clock, shown, watcher, tracer, request } = traced({ maxSpans: 1_000, maxTraces: 1_000, maxBytes });
  const requests = Array.from({ length: 5 }, (_, i) => request(`${i}${"x".repeat(100_000)}`));
  for (const { context } of requests) for (let i = 0; i < 10; i++) tracer.start("append", context).end();
  t.true(watcher.bytes <= maxBytes && watcher.bytes > maxBytes / 2, String(watcher.bytes));
  for (const span of requests) span.end();
  clock.advance(50);
  t.true(shown.every(({ root }) => root.name.length <= 200));
  t.true(shown.some(({ leftOut }) => leftOut > 0));
  t.is(watcher.bytes, 0);
});
