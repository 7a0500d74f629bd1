// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import type { Tenure, TenureEffect, TenureInput } from "./tenure.ts";
import { stepTenure } from "./tenure.ts";

class World {
  state: Tenure | undefined;
  effects: readonly TenureEffect[] = [];

  step(input: TenureInput): readonly TenureEffect["kind"][] {
    const step = stepTenure(this.state, input);
    this.state = step.state;
    this.effects = step.effects;
    return step.effects.map(({ kind }) => kind);
  }
}

test("a handoff: open commands finish, then the shard is packed, then it is released", (t) => {
  const world = new World();
  t.deepEqual(world.step({ kind: "owned", epoch: 3 }), ["take", "wake"]);
  world.step({ kind: "begin", epoch: 3 });
  world.step({ kind: "begin", epoch: 3 });
  t.deepEqual(world.step({ kind: "give-up" }), []);
  world.step({ kind: "begin", epoch: 3 });
  t.deepEqual(world.step({ kind: "end", epoch: 3 }), []);
  t.deepEqual(world.step({ kind: "end", epoch: 3 }), ["pack"]);
  t.deepEqual(world.step({ kind: "packed", epoch: 3 }), ["release"]);
  t.deepEqual(world.step({ kind: "owned", epoch: 3 }), [], "a release that was sent cannot be taken back");
  t.deepEqual(world.step({ kind: "lost" }), ["wake"]);
  t.is(world.state, undefined);
});

test("a shard with a command that is open for long is served again, and given up once more later", (t) => {
  const world = new World();
  world.step({ kind: "owned", epoch: 3 });
  t.deepEqual(world.step({ kind: "keep" }), [], "it was not given up");
  world.step({ kind: "begin", epoch: 3 });
  world.step({ kind: "give-up" });
  t.deepEqual(world.step({ kind: "keep" }), ["wake"]);
  world.step({ kind: "begin", epoch: 3 });
  t.like(world.state, { kind: "serving", open: 2 });
  world.step({ kind: "give-up" });
  world.step({ kind: "end", epoch: 3 });
  t.deepEqual(world.step({ kind: "end", epoch: 3 }), ["pack"]);
  t.deepEqual(world.step({ kind: "keep" }), []);
  t.is(world.state?.kind, "packing");
});

test("a shard that is lost drops what is in memory, at any time before it is packed", (t) => {
  for (const steps of [0, 1, 2]) {
    const world = new World();
    world.step({ kind: "owned", epoch: 1 });
    world.step({ kind: "begin", epoch: 1 });
    if (steps > 0) world.step({ kind: "give-up" });
    if (steps > 1) world.step({ kind: "end", epoch: 1 });
    t.deepEqual(world.step({ kind: "lost" }), ["drop", "wake"]);
  }
});

test("a new epoch drops what is of the old one", (t) => {
  const world = new World();
  world.step({ kind: "owned", epoch: 1 });
  t.deepEqual(world.step({ kind: "owned", epoch: 3 }), ["drop", "take", "wake"]);
});

const EPOCH = fc.integer({ min: 1, max: 3 });
const INPUT: fc.Arbitrary<TenureInput> = fc.oneof(
  fc.record({ kind: fc.constantFrom("begin", "end", "packed", "owned"), epoch: EPOCH }),
  fc.constantFrom<TenureInput>({ kind: "give-up" }, { kind: "keep" }, { kind: "lost" }),
) as fc.Arbitrary<TenureInput>;

test("in every order of events: it is released only with no command open, and served only if it was not", (t) => {
  const property = fc.property(fc.array(INPUT, { maxLength: 60 }), (inputs) => {
    const world = new World();
    let open = 0;
    let isReleased = false;
    for (const input of inputs) {
      const before = world.state;
      // A command ends once.
      if (input.kind === "end" && (open === 0 || before?.epoch !== input.epoch)) continue;
      const kinds = world.step(input);
      if (kinds.includes("take") || world.state === undefined) {
        open = 0;
        isReleased = false;
      }
      if (input.kind === "begin" && before?.kind === "serving" && before.epoch === input.epoch) open++;
      if (input.kind === "end") open--;
      if (kinds.includes("release")) {
        if (open > 0) return false;
        isReleased = true;
      }
      if (isReleased && world.state?.kind === "serving") return false;
    }
    return true;
  });
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 3_000 }));
});
