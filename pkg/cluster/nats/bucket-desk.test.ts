// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { ClusterInput, Entry, MemberInfo } from "../node/mod.ts";

import { memberInfo } from "../node/test-lib/member-info.ts";
import type { Found, Written } from "./bucket.ts";
import type { BucketDeskDependencies } from "./bucket-desk.ts";
import { BucketDesk } from "./bucket-desk.ts";

const INFO = memberInfo({ share: 1 });
const ENTRIES: readonly Entry[] = [{ kind: "free", epoch: 1 }];
const UNKNOWN: Written = { kind: "unknown" };

/** A bucket whose answers the test sets. */
class Bucket {
  written: Written = UNKNOWN;
  foundMember: Found<MemberInfo> | undefined;
  foundSegment: Found<readonly Entry[]> | undefined;
  readonly removed: number[] = [];

  readonly putMember = async (): Promise<Written> => await Promise.resolve(this.written);
  readonly putSegment = this.putMember;
  readonly member = async (): Promise<Found<MemberInfo> | undefined> =>
    await Promise.resolve(this.foundMember);
  readonly segment = async (): Promise<Found<readonly Entry[]> | undefined> =>
    await Promise.resolve(this.foundSegment);

  async removeMember(_id: string, expected: number): Promise<Written> {
    this.removed.push(expected);
    return await Promise.resolve(this.removed.length > 1 ? { kind: "stored", revision: 9 } : this.written);
  }
}

class World {
  readonly bucket = new Bucket();
  readonly inputs: ClusterInput[] = [];
  readonly stored: number[] = [];
  doubts = 0;
  readonly desk = new BucketDesk({
    bucket: this.bucket,
    handle: (input) => this.inputs.push(input),
    onStored: (revision) => this.stored.push(revision),
    onDoubt: () => this.doubts++,
  } satisfies BucketDeskDependencies);
}

test("an answer is an input, and no answer is doubt", async (t) => {
  const world = new World();
  world.bucket.written = { kind: "stored", revision: 7 };
  await world.desk.carryOut({ kind: "join", id: "a.1", info: INFO });
  world.bucket.written = { kind: "refused" };
  await world.desk.carryOut({ kind: "renew", id: "a.1", revision: 7, info: INFO });
  world.bucket.written = UNKNOWN;
  await world.desk.carryOut({ kind: "write-segment", segment: 0, expected: 0, entries: ENTRIES });
  t.deepEqual(world.inputs, [
    { kind: "stored", id: "a.1", revision: 7 },
    { kind: "refused", id: "a.1" },
  ]);
  t.deepEqual(world.stored, [7]);
  t.is(world.doubts, 1);
});

test("a read that is older than what is known is no answer, unless the key is gone without a trace", async (t) => {
  const world = new World();
  const read = (): Promise<void> => world.desk.carryOut({ kind: "read-segment", segment: 0 });
  world.desk.inputOf({ kind: "segment", segment: 0, revision: 5, entries: ENTRIES });
  world.bucket.foundSegment = { revision: 4, value: ENTRIES };
  await read();
  t.is(world.doubts, 1);
  world.bucket.foundSegment = { revision: 5, value: ENTRIES };
  await read();
  world.bucket.foundSegment = { revision: 0, value: undefined };
  await read();
  t.deepEqual(
    world.inputs.map((input) => input.kind === "segment-seen" && input.revision),
    [5, 0],
  );
  t.is(world.doubts, 1);
});

test("an answer of a bucket that was replaced meanwhile is ignored", async (t) => {
  const world = new World();
  world.bucket.written = { kind: "stored", revision: 500 };
  const writing = world.desk.carryOut({ kind: "write-segment", segment: 0, expected: 0, entries: ENTRIES });
  world.desk.reset();
  await writing;
  t.deepEqual(world.inputs, []);
  world.bucket.foundSegment = { revision: 4, value: ENTRIES };
  await world.desk.carryOut({ kind: "read-segment", segment: 0 });
  t.is(world.inputs.length, 1);
});

test("one that leaves while a renewal is under way deletes the renewed key", async (t) => {
  const world = new World();
  world.bucket.written = { kind: "refused" };
  world.bucket.foundMember = { revision: 8, value: INFO };
  await world.desk.carryOut({ kind: "leave", id: "a.1", revision: 7 });
  t.deepEqual(world.bucket.removed, [7, 8]);
  t.deepEqual(world.inputs, [{ kind: "removed", id: "a.1" }]);
});
