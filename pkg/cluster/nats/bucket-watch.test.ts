// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import type { MemberInfo } from "../node/member.ts";
import { memberInfo } from "../node/test-lib/member-info.ts";
import type { BucketChange, BucketState, BucketWatcher } from "./bucket.ts";
import { BucketWatch } from "./bucket-watch.ts";

/** A bucket whose watches the test ends. */
class Bucket {
  state: BucketState = { madeAt: "noon", lastRevision: 0 };
  starts = 0;
  fail: (() => void) | undefined;
  show: ((change: BucketChange) => void) | undefined;
  list: (() => void) | undefined;

  async prepare(): Promise<BucketState> {
    return await Promise.resolve(this.state);
  }

  watch({ onChange, onListed }: BucketWatcher, signal: AbortSignal): Promise<void> {
    this.starts++;
    this.show = onChange;
    this.list = onListed;
    return new Promise((resolve, reject) => {
      this.fail = () => reject(new Error("ended by the server"));
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

const INFO = memberInfo();

const change = (revision: number): BucketChange => ({
  kind: "segment",
  segment: 0,
  revision,
  entries: undefined,
});

class World {
  readonly clock = new ManualClock();
  readonly bucket = new Bucket();
  readonly seen: number[] = [];
  readonly listed: (readonly [members: readonly string[], revision: number])[] = [];
  resets = 0;
  readonly watch = new BucketWatch({
    bucket: this.bucket,
    clock: this.clock,
    telemetry: NO_TELEMETRY,
    onChange: ({ revision }) => this.seen.push(revision),
    onListed: (members, revision) => this.listed.push([[...members], revision]),
    onReset: () => this.resets++,
  });

  async pass(byMs: number): Promise<void> {
    await nextTurn();
    this.clock.advance(byMs);
    await nextTurn();
  }
}

test("a watch that ends starts again, four times a second at most", async (t) => {
  const world = new World();
  await world.pass(0);
  t.is(world.bucket.starts, 1);
  world.bucket.fail?.();
  await world.pass(249);
  t.is(world.bucket.starts, 1);
  await world.pass(1);
  t.is(world.bucket.starts, 2);
  world.watch.suspect();
  await world.pass(250);
  t.is(world.bucket.starts, 3);
  world.watch.close();
  await world.pass(250);
  t.is(world.bucket.starts, 3);
});

test("when all keys have come, it says of which members, and after a new start again", async (t) => {
  const world = new World();
  const member = (id: string, revision: number, info?: MemberInfo): BucketChange => ({
    kind: "member",
    id,
    revision,
    info,
  });
  await world.pass(0);
  world.bucket.show?.(member("a", 3, INFO));
  world.bucket.show?.(member("b", 4));
  world.bucket.show?.(member("c", 7, INFO));
  world.bucket.list?.();
  world.watch.suspect();
  await world.pass(250);
  world.bucket.show?.(member("c", 7, INFO));
  world.bucket.list?.();
  t.deepEqual(world.listed, [
    [["a", "c"], 7],
    [["c"], 7],
  ]);
});

test("what an earlier watch still shows is ignored", async (t) => {
  const world = new World();
  await world.pass(0);
  world.bucket.show?.(change(1));
  const { show } = world.bucket;
  world.watch.suspect();
  show?.(change(2));
  await world.pass(250);
  show?.(change(3));
  t.deepEqual(world.seen, [1]);
  world.bucket.show?.(change(4));
  t.deepEqual(world.seen, [1, 4]);
});

test("another stream, or one that has gone back, is told before it is watched", async (t) => {
  const world = new World();
  await world.pass(0);
  world.bucket.show?.(change(5));
  world.bucket.state = { madeAt: "noon", lastRevision: 5 };
  world.watch.suspect();
  await world.pass(250);
  t.is(world.resets, 0);
  world.bucket.state = { madeAt: "noon", lastRevision: 4 };
  world.watch.suspect();
  await world.pass(250);
  t.is(world.resets, 1);
  world.bucket.state = { madeAt: "midnight", lastRevision: 9 };
  world.watch.suspect();
  await world.pass(250);
  t.is(world.resets, 2);
  t.is(world.bucket.starts, 4);
});

test("a watch that does not show what this process has stored is dead after a second", async (t) => {
  const world = new World();
  await world.pass(0);
  world.watch.stored(3);
  await world.pass(999);
  world.bucket.show?.(change(3));
  world.watch.check();
  world.watch.stored(4);
  await world.pass(999);
  world.watch.check();
  t.is(world.bucket.starts, 1);
  await world.pass(1);
  world.watch.check();
  await world.pass(250);
  t.is(world.bucket.starts, 2);
});
