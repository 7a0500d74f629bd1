// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { CommitSchema } from "../protocol/mod.ts";

import type { Change } from "./history.ts";
import { writeCommit } from "./history.ts";
import { readTrace, traceMessage } from "./record-trace.ts";

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString("hex"));
const traceContext = fc.record({ traceId: hex(16), spanId: hex(8), isSampled: fc.boolean() });

test("a record without key and side effects has the bytes that toBinary gives it", (t) => {
  const any = fc.record({
    $typeName: fc.constant("google.protobuf.Any" as const),
    typeUrl: fc.string({ unit: "binary", maxLength: 80 }),
    value: fc.uint8Array({ maxLength: 200 }),
  });
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constant("events" as const), events: fc.array(any, { maxLength: 3 }) }),
    fc.record({ kind: fc.constant("value" as const), value: fc.option(any, { nil: undefined }) }),
  );
  const cursor = fc.record({
    position: fc.nat(),
    sequence: fc.nat(),
    recordHash: fc.constantFrom(new Uint8Array(0), new Uint8Array(32).fill(200)),
  });
  const time = fc.constantFrom(0, 1.5, 1_764_440_000_000.25);
  const trace = fc.option(traceContext, { nil: undefined }).map(traceMessage);
  fc.assert(
    fc.property(
      cursor,
      change,
      time,
      fc.constantFrom(0n, 7n),
      trace,
      (cursor, change, timeMs, effectsDone, trace) => {
        const effects = { sideEffects: [], firstEffect: 0n, effectsDone, ...(trace && { trace }) };
        const commit = create(CommitSchema, {
          firstSequence: BigInt(cursor.sequence + 1),
          timeMs: BigInt(Math.trunc(timeMs)),
          previousHash: cursor.recordHash,
          effectsDone,
          ...(trace && { trace }),
          ...(change.kind === "events"
            ? { events: change.events }
            : { valueState: change.value === undefined ? {} : { value: change.value } }),
        });
        t.deepEqual(writeCommit(cursor, change, timeMs, { effects }), toBinary(CommitSchema, commit));
      },
    ),
  );
});

test("the trace of a record is read back, if it is kept at all", (t) => {
  fc.assert(
    fc.property(traceContext, (trace) =>
      t.deepEqual(readTrace(traceMessage(trace)), trace.isSampled ? trace : undefined),
    ),
  );
  t.is(traceMessage(undefined), undefined);
});

test("a record whose trace is no trace has none", (t) => {
  const $typeName = "perdure.log.v1.Trace";
  t.is(readTrace(undefined), undefined);
  t.is(readTrace({ $typeName, traceId: new Uint8Array(16), spanId: new Uint8Array(7) }), undefined);
  t.is(readTrace({ $typeName, traceId: new Uint8Array(0), spanId: new Uint8Array(8) }), undefined);
});
