// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { ShardPacker } from "./shard-packer.ts";
import { RecordingHost } from "./test-lib/members.ts";

function open(isPacking: boolean): {
  host: RecordingHost;
  clock: ManualClock;
  packed: number[];
  packer: ShardPacker;
} {
  const host = new RecordingHost();
  const clock = new ManualClock();
  const packed: number[] = [];
  const packer = new ShardPacker({
    host,
    clock,
    telemetry: NO_TELEMETRY,
    timeoutMs: 1_000,
    isPacking: () => isPacking,
    onPacked: (shard) => packed.push(shard),
  });
  return { host, clock, packed, packer };
}

test("a shard is packed when the host has released it", async (t) => {
  const { host, clock, packed, packer } = open(true);
  packer.pack(7, 1);
  t.deepEqual(packed, []);
  await nextTurn();
  t.deepEqual(packed, [7]);
  t.deepEqual(host.dropped, []);
  t.is(clock.pending, 0);
});

test("a shard that takes too long is thrown away, unless it was lost or is served again", async (t) => {
  for (const isPacking of [true, false]) {
    const { host, clock, packed, packer } = open(isPacking);
    host.packing = new Promise(() => undefined);
    packer.pack(7, 1);
    clock.advance(999);
    await nextTurn();
    t.deepEqual(packed, []);
    clock.advance(1);
    await nextTurn();
    t.deepEqual(packed, [7]);
    t.deepEqual(host.dropped, isPacking ? [7] : []);
  }
});
