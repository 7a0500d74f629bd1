// SPDX-License-Identifier: Apache-2.0

import test from "ava";
import fc from "fast-check";

import { DEFAULT_MEMBER_TIMES as TIMES } from "./member.ts";
import type { Peer, PeerEffect, PeerInput } from "./peer.ts";
import { isOver, seenPeer, stepPeer, unseenPeer } from "./peer.ts";
import { memberInfo } from "./test-lib/member-info.ts";

const INFO = memberInfo({ pod: "pod" });

const TICK: PeerInput = { kind: "tick", isWatched: true };
const UNWATCHED: PeerInput = { kind: "tick", isWatched: false };

class World {
  state: Peer = seenPeer(INFO, 5, 0);
  effects: readonly PeerEffect[] = [];
  nowMs = 0;

  step(input: PeerInput, afterMs = 0): void {
    this.nowMs += afterMs;
    const step = stepPeer("pod.1", this.state, input, this.nowMs, TIMES);
    this.state = step.state;
    this.effects = step.effects;
  }
}

test("a silent member is pinged, and one that finds no responder twice is evicted", (t) => {
  const world = new World();
  world.step(TICK, 1_249);
  t.deepEqual(world.effects, []);
  world.step(TICK, 1);
  t.deepEqual(world.effects, [{ kind: "ping", id: "pod.1" }]);
  world.step({ kind: "no-responder" });
  t.deepEqual(world.effects, []);
  world.step(TICK, 250);
  t.deepEqual(world.effects, [{ kind: "ping", id: "pod.1" }]);
  world.step({ kind: "no-responder" });
  t.deepEqual(world.effects, [{ kind: "evict", id: "pod.1", revision: 5 }]);
});

test("one that may only be slower to connect again is not asked for anything, and not evicted", (t) => {
  const world = new World();
  for (let times = 0; times < 10; times++) {
    world.step({ kind: "no-responder", isReconnecting: true }, 250);
    t.like(world.state, { kind: "silent", missedMs: world.nowMs });
    t.deepEqual(world.effects, []);
  }
  world.step({ kind: "no-responder" }, 249);
  t.deepEqual(world.effects, []);
  world.step({ kind: "no-responder" }, 1);
  t.deepEqual(world.effects, [{ kind: "evict", id: "pod.1", revision: 5 }]);
});

test("one whose key is not among all keys is evicted at once, and only once", (t) => {
  const world = new World();
  world.step({ kind: "unlisted" });
  t.deepEqual(world.effects, [{ kind: "evict", id: "pod.1", revision: 5 }]);
  world.step({ kind: "unlisted" });
  t.deepEqual(world.effects, []);
  world.step({ kind: "refused" });
  t.is(world.state.kind, "live", "the list was older than its key");
});

test("one that others watch is not asked, however long it is silent, until a command finds no responder", (t) => {
  const world = new World();
  world.step(UNWATCHED, 1_000_000);
  t.is(world.state.kind, "live");
  world.step({ kind: "no-responder" });
  world.step(UNWATCHED, 250);
  t.deepEqual(world.effects, [{ kind: "ping", id: "pod.1" }]);
  world.step({ kind: "no-responder" });
  t.deepEqual(world.effects, [{ kind: "evict", id: "pod.1", revision: 5 }]);
});

test("one that begins to be watched after a long silence is asked at once", (t) => {
  const world = new World();
  world.step(UNWATCHED, 5_000);
  world.step(TICK, 50);
  t.deepEqual(world.effects, [{ kind: "ping", id: "pod.1" }]);
});

test("many commands without a responder at one moment are one miss", (t) => {
  const world = new World();
  for (let command = 0; command < 100; command++) world.step({ kind: "no-responder" }, 1);
  t.deepEqual(world.effects, []);
  for (let command = 0; command < 151; command++) world.step({ kind: "no-responder" }, 1);
  t.is(world.state.kind, "evicting");
});

test("pings without an answer evict nobody", (t) => {
  const world = new World();
  for (let tick = 0; tick < 1_000; tick++) world.step(TICK, 50);
  t.is(world.state.kind, "silent");
});

test("a member that renewed cannot be evicted", (t) => {
  const world = new World();
  world.step({ kind: "no-responder" });
  world.step({ kind: "no-responder" }, 250);
  world.step({ kind: "refused" });
  t.is(world.state.kind, "live");
});

test("news of a renewal count as heard, and old ones change nothing", (t) => {
  const world = new World();
  world.step({ kind: "seen", info: { ...INFO, share: 10 }, revision: 6 }, 1_000);
  t.deepEqual(world.state, seenPeer({ ...INFO, share: 10 }, 6, 1_000));
  world.step({ kind: "seen", info: INFO, revision: 4 });
  t.deepEqual(world.state, seenPeer({ ...INFO, share: 10 }, 6, 1_000));
});

test("its shards may be taken when its lease is over, and a fifth more", (t) => {
  const world = new World();
  t.false(isOver(world.state, 500, 1_000_000));
  world.step({ kind: "gone" }, 100);
  t.false(isOver(world.state, 500, 699));
  t.true(isOver(world.state, 500, 700));
});

test("a member that was never seen is evicted only if there is no key", (t) => {
  const { state, effects } = stepPeer(
    "pod.1",
    { ...unseenPeer("pod.1", 500, 0), kind: "silent", pingedMs: 0, missedMs: 0 },
    { kind: "no-responder" },
    300,
    TIMES,
  );
  t.is(state.kind, "evicting");
  t.deepEqual(effects, [{ kind: "evict", id: "pod.1", revision: 0 }]);
});

const INPUT = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<PeerInput>(TICK, UNWATCHED, { kind: "no-responder" }) },
  fc.constantFrom<PeerInput>({ kind: "heard" }, { kind: "refused" }, { kind: "gone" }),
  fc.integer({ min: 1, max: 50 }).map((revision): PeerInput => ({ kind: "seen", info: INFO, revision })),
);

test("in every order of events: gone is for ever, and an eviction names the newest revision seen", (t) => {
  const property = fc.property(
    fc.array(fc.tuple(INPUT, fc.integer({ min: 0, max: 700 })), { maxLength: 80 }),
    (events) => {
      const world = new World();
      let newest = 5;
      let goneMs: number | undefined;
      for (const [input, afterMs] of events) {
        world.step(input, afterMs);
        if (goneMs === undefined && input.kind === "seen") newest = Math.max(newest, input.revision);
        if (input.kind === "gone") goneMs ??= world.nowMs;
        if ((world.state.kind === "gone") !== (goneMs !== undefined)) return false;
        if (isOver(world.state, 500, world.nowMs) !== (goneMs !== undefined && world.nowMs >= goneMs + 600))
          return false;
        if (world.effects.some((effect) => effect.kind === "evict" && effect.revision !== newest))
          return false;
      }
      return true;
    },
  );
  t.notThrows(() => fc.assert(property, { seed: 16, numRuns: 2_000 }));
});
