// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { DEFAULT_MEMBER_TIMES as TIMES } from "./member.ts";
import type { Membership, MembershipEffect, MembershipInput } from "./membership.ts";
import { isLeaseValid, OUTSIDE, stepMembership } from "./membership.ts";

/** A member with a history of steps, at a time of its own. */
class World {
  state: Membership = OUTSIDE;
  effects: readonly MembershipEffect[] = [];
  nowMs = 0;
  #ids = 0;

  step(input: MembershipInput): void {
    const newId = (): string => `pod.${++this.#ids}`;
    const step = stepMembership(this.state, input, this.nowMs, { times: TIMES, newId });
    this.state = step.state;
    this.effects = step.effects;
  }

  tick(afterMs: number, need: "nothing" | "lease" | "news" = "nothing"): void {
    this.nowMs += afterMs;
    this.step({ kind: "tick", need });
  }
}

function member(): World {
  const world = new World();
  world.tick(0);
  world.step({ kind: "stored", id: "pod.1", revision: 7 });
  return world;
}

/** Its key is deleted, or gets a mark, so that others need not find out. */
const FENCED = [
  { kind: "fence", id: "pod.1" },
  { kind: "leave", id: "pod.1", revision: 7 },
];

test("a join is a lease that counts from its sending", (t) => {
  const world = new World();
  world.tick(100);
  t.deepEqual(world.effects, [{ kind: "join", id: "pod.1" }]);
  world.nowMs += 300;
  world.step({ kind: "stored", id: "pod.1", revision: 7 });
  t.true(isLeaseValid(world.state, 599, TIMES));
  t.false(isLeaseValid(world.state, 600, TIMES));
});

test("it is renewed every two seconds, and with half a lease left if it is needed", (t) => {
  const world = member();
  world.tick(1_999);
  t.deepEqual(world.effects, []);
  world.tick(1);
  t.deepEqual(world.effects, [{ kind: "renew", id: "pod.1", revision: 7 }]);
  world.step({ kind: "stored", id: "pod.1", revision: 9 });
  world.tick(250, "lease");
  t.deepEqual(world.effects, [{ kind: "renew", id: "pod.1", revision: 9 }]);
});

test("a renewal that was sent twice is a lease from its first sending", (t) => {
  const world = member();
  world.tick(300, "lease");
  world.tick(1_000, "lease");
  t.deepEqual(world.effects, [{ kind: "renew", id: "pod.1", revision: 7 }]);
  world.step({ kind: "stored", id: "pod.1", revision: 8 });
  t.true(isLeaseValid(world.state, 799, TIMES));
  t.false(isLeaseValid(world.state, 800, TIMES));
});

test("a refused renewal is looked up: the key is there, and the member goes on without a new lease", (t) => {
  const world = member();
  world.tick(300, "lease");
  world.step({ kind: "refused", id: "pod.1" });
  t.deepEqual(world.effects, [{ kind: "look-up", id: "pod.1" }]);
  world.step({ kind: "found", id: "pod.1", revision: 8 });
  t.deepEqual(world.effects, [{ kind: "renew", id: "pod.1", revision: 8 }]);
  t.false(isLeaseValid(world.state, 500, TIMES));
});

test("a key that is gone fences the member, which joins as another one", (t) => {
  const world = member();
  world.step({ kind: "found", id: "pod.1", revision: undefined });
  t.deepEqual(world.effects, FENCED);
  t.false(isLeaseValid(world.state, 0, TIMES));
  world.tick(1);
  t.deepEqual(world.effects, [{ kind: "join", id: "pod.2" }]);
});

test("I8: seven seconds without a renewal fence it, however often it asks", (t) => {
  const world = member();
  for (let at = 0; at < 6_950; at += 50) world.tick(50, "lease");
  t.is(world.state.kind, "member");
  world.tick(50, "lease");
  t.deepEqual(world.effects, FENCED);
});

test("a join without an answer is taken back, so that others do not believe in two members", (t) => {
  const world = new World();
  world.tick(0);
  world.tick(TIMES.answerTimeoutMs);
  t.deepEqual(world.effects, [
    { kind: "leave", id: "pod.1", revision: 0 },
    { kind: "join", id: "pod.2" },
  ]);
  world.step({ kind: "stored", id: "pod.1", revision: 7 });
  t.is(world.state.kind, "joining");
  world.step({ kind: "stored", id: "pod.2", revision: 8 });
  t.is(world.state.kind, "member");
});

test("what belongs to a former incarnation changes nothing", (t) => {
  const world = member();
  world.step({ kind: "found", id: "pod.1", revision: undefined });
  world.tick(1);
  const before = world.state;
  for (const kind of ["stored", "refused", "found"] as const) {
    world.step({ kind, id: "pod.1", revision: 12 });
    t.is(world.state, before);
  }
});

test("a member leaves once, and stays away", (t) => {
  const world = member();
  world.step({ kind: "leave" });
  t.deepEqual(world.effects, [{ kind: "leave", id: "pod.1", revision: 7 }]);
  world.step({ kind: "removed", id: "pod.1" });
  world.tick(60_000);
  t.deepEqual(world.state, { kind: "left" });
});

test("a member that leaves has left when its key is gone, and not when its last renewal is answered", (t) => {
  const world = member();
  world.tick(2_000);
  world.step({ kind: "leave" });
  for (const kind of ["stored", "refused", "found"] as const) world.step({ kind, id: "pod.1", revision: 8 });
  t.is(world.state.kind, "leaving");
  world.step({ kind: "removed", id: "pod.1" });
  t.deepEqual(world.state, { kind: "left" });
});

test("one that leaves while it joins takes back the key that it may have by now", (t) => {
  const world = new World();
  world.tick(0);
  world.step({ kind: "leave" });
  t.deepEqual(world.effects, [{ kind: "leave", id: "pod.1", revision: 0 }]);
  world.step({ kind: "stored", id: "pod.1", revision: 7 });
  t.is(world.state.kind, "leaving");
  world.step({ kind: "removed", id: "pod.1" });
  t.deepEqual(world.state, { kind: "left" });
});

test("who leaves ends in any case, also if nobody answers", (t) => {
  const world = member();
  world.step({ kind: "leave" });
  world.tick(TIMES.answerTimeoutMs);
  t.deepEqual(world.state, { kind: "left" });
});

const INPUT = fc.oneof(
  fc.record({ kind: fc.constant("tick" as const), need: fc.constantFrom("nothing", "lease", "news") }),
  fc.record({
    kind: fc.constantFrom("stored", "refused", "found"),
    revision: fc.integer({ min: 1, max: 99 }),
  }),
  fc.constant({ kind: "found", revision: undefined }),
);

test("in every order of events: a valid lease follows a renewal that was sent less than a lease ago", (t) => {
  const property = fc.property(
    fc.array(fc.tuple(INPUT, fc.integer({ min: 0, max: 1_500 })), { maxLength: 60 }),
    (events) => {
      const world = new World();
      let sentMs = Number.NEGATIVE_INFINITY;
      for (const [input, afterMs] of events) {
        world.nowMs += afterMs;
        const id = "id" in world.state ? world.state.id : "nobody";
        world.step({ ...input, id } as MembershipInput);
        const sends = world.effects.some(({ kind }) => kind === "renew" || kind === "join");
        if (sends) sentMs = world.nowMs;
        if (isLeaseValid(world.state, world.nowMs, TIMES) && world.nowMs - sentMs >= TIMES.leaseMs)
          return false;
        const requests = world.effects.filter(({ kind }) => kind !== "fence" && kind !== "leave");
        const isOwnDeleted = world.effects.some(
          (effect) => effect.kind === "leave" && "id" in world.state && effect.id === world.state.id,
        );
        if (requests.length > 1 || isOwnDeleted) return false;
      }
      return true;
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 2_000 }));
});
