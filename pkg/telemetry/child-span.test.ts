// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { childSpan } from "./child-span.ts";
import type { Tracer } from "./telemetry.ts";
import { NO_SPAN, NO_TRACER } from "./telemetry.ts";

const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };

test("a command that is not traced, or whose trace is not kept, gets one frozen object and asks no tracer", (t) => {
  const strict: Tracer = { start: () => t.fail() };
  t.is(childSpan(strict, "queue", undefined), NO_SPAN);
  t.is(childSpan(strict, "queue", { ...TRACE, isSampled: false }), NO_SPAN);
  t.is(childSpan(NO_TRACER, "queue", TRACE), NO_SPAN);
  t.true(Object.isFrozen(NO_SPAN));
});

test("one whose trace is kept gets a span of the tracer", (t) => {
  const asked: unknown[] = [];
  const tracer: Tracer = {
    start(...all) {
      asked.push(all);
      return NO_SPAN;
    },
  };
  childSpan(tracer, "queue", TRACE, "internal", 5);
  t.deepEqual(asked, [["queue", TRACE, { kind: "internal", startMs: 5 }]]);
});
