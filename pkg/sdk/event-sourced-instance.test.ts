// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { AppendedSchema } from "./test-model/gen/model_pb.ts";
import { modelEntity } from "./test-model/model.ts";
import { given } from "./testkit/mod.ts";

const emits = (count: number): { step: { case: "emit"; value: string } }[] =>
  Array.from({ length: count }, () => ({ step: { case: "emit", value: "x" } }));

test("a snapshot comes exactly with the commands that pass a multiple, however the events are spread", async (t) => {
  const commands = fc.array(fc.nat({ max: 7 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 6 }), commands, async (snapshotEvery, counts) => {
      let entity = given(modelEntity({ snapshotEvery }));
      let total = 0;
      for (const count of counts) {
        const outcome = await entity.when("process", { steps: emits(count) });
        // Counted one by one, as the definition has it.
        let due = false;
        for (let event = total + 1; event <= total + count; event++) {
          due ||= snapshotEvery > 0 && event % snapshotEvery === 0;
        }
        total += count;
        t.is(outcome.snapshot, due);
        t.is(outcome.state.value.length, total);
        // From here on it starts from its snapshot, as it would in production.
        entity = outcome.snapshot ? entity.state(outcome.state, total) : outcome.afterwards;
      }
    }),
    { numRuns: 50 },
  );
});

test("after a long replay without a snapshot the next command with events makes one, as after a change of its version", async (t) => {
  const events = Array.from({ length: 11 }, () => create(AppendedSchema, { value: "x" }));
  const entity = given(modelEntity({ snapshotEvery: 5 })).events(...events);
  t.false((await entity.when("process", {})).snapshot, "only events come with a snapshot");
  const outcome = await entity.when("process", { steps: emits(1) });
  t.true(outcome.snapshot);
  const short = given(modelEntity({ snapshotEvery: 5 })).events(...events.slice(0, 6));
  t.false((await short.when("process", { steps: emits(1) })).snapshot, "it comes soon by itself");
  const never = given(modelEntity({ snapshotEvery: 0 })).events(...events);
  t.false((await never.when("process", { steps: emits(1) })).snapshot);
});
