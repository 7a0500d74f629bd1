// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { CommitSchema } from "../protocol/mod.ts";

import type { Change } from "./history.ts";
import { writeCommit } from "./history.ts";

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
  fc.assert(
    fc.property(cursor, change, time, fc.constantFrom(0n, 7n), (cursor, change, timeMs, effectsDone) => {
      const effects = { sideEffects: [], firstEffect: 0n, effectsDone };
      const commit = create(CommitSchema, {
        firstSequence: BigInt(cursor.sequence + 1),
        timeMs: BigInt(Math.trunc(timeMs)),
        previousHash: cursor.recordHash,
        effectsDone,
        ...(change.kind === "events"
          ? { events: change.events }
          : { valueState: change.value === undefined ? {} : { value: change.value } }),
      });
      t.deepEqual(writeCommit(cursor, change, timeMs, { effects }), toBinary(CommitSchema, commit));
    }),
  );
});
