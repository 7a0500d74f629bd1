// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { tracedMetadata, traceMetadata } from "./trace-metadata.ts";

const TRACE = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true };
const PARENT = { key: "traceparent", value: `00-${TRACE.traceId}-${TRACE.spanId}-01` };
const STATE = { key: "tracestate", value: "c=d" };

test("a span is told of by one entry, and by a second one if there is a state", (t) => {
  t.deepEqual(traceMetadata(TRACE), [PARENT]);
  t.deepEqual(traceMetadata({ ...TRACE, state: "c=d" }), [PARENT, STATE]);
});

test("a call that is traced tells of its own span only, and other metadata stays as it is", (t) => {
  const metadata = [
    { key: "x-one", value: "1" },
    { key: "Traceparent", value: "caller's" },
    { key: "traceparent", value: "another" },
    { key: "TRACESTATE", value: "caller's" },
    { key: "baggage", value: "a=1" },
  ];
  const others = [metadata[0], metadata[4]];
  t.deepEqual<unknown, unknown>(tracedMetadata({ metadata, trace: TRACE }), [...others, PARENT]);
  t.is(tracedMetadata({ metadata }), metadata);
});
