// SPDX-License-Identifier: Apache-2.0

// A fixed minute of `npm run faults -- --scenario cluster`, which draws such rounds for as long as it is told to.

import { bySize } from "../lib/by-size.ts";
import { natsSerialTest } from "../lib/nats/nats-test.ts";
import { clusterRound } from "./cluster-round.ts";

natsSerialTest(
  "(I8) reads and writes through three proxies are linearizable, whatever happens to one of them",
  async (t) => {
    const { violations } = await clusterRound(t, [
      { kind: "kill proxy", victim: 0 },
      // Longer than it may be without a renewal, so that the others take its shards.
      { kind: "stop proxy", victim: 1, holdMs: 8_000 },
      { kind: "reset", victim: 0 },
      { kind: "half-open", victim: 1, holdMs: 1_500 },
      { kind: "refuse", victim: 2, holdMs: 4_000 },
      { kind: "kill server", victim: 0, downMs: 300 },
      { kind: "replace proxy", victim: 0, downMs: 0 },
    ]);
    t.deepEqual(violations, []);
  },
);

natsSerialTest(
  "and so they are if one direction of a connection is cut off, and clocks go wrong",
  async (t) => {
    const { violations } = await clusterRound(
      t,
      [
        // The first goes slowly, the second fast.
        { kind: "lose questions", victim: 0, holdMs: 8_000 },
        { kind: "jump clock", bySeconds: 3_600 },
        { kind: "lose answers", victim: 1, holdMs: 8_000 },
        { kind: "refuse", victim: 0, holdMs: 4_000 },
        { kind: "jump clock", bySeconds: -3_600 },
        { kind: "stop proxy", victim: 2, holdMs: 8_000 },
      ],
      { plan: { clocks: "bent" } },
    );
    t.deepEqual(violations, []);
  },
);

natsSerialTest(
  "members come and go, and the list of owners is wiped: each shard has one owner",
  async (t) => {
    const { violations } = await clusterRound(t, [
      { kind: "wipe bucket", isDeleted: false },
      { kind: "flap", victim: 1, holdMs: bySize({ full: 60_000, short: 8_000 }) },
      { kind: "wipe bucket", isDeleted: true },
    ]);
    t.deepEqual(violations, []);
  },
);

natsSerialTest("three servers: nothing is lost or stale when leaders are killed", async (t) => {
  const { violations } = await clusterRound(
    t,
    [
      { kind: "kill leader", downMs: 500 },
      { kind: "kill bucket leader", downMs: 500 },
      { kind: "replace proxy", victim: 1, downMs: 0 },
      { kind: "lose questions", victim: 0, holdMs: 5_000 },
    ],
    { plan: { replicas: 3 } },
  );
  t.deepEqual(violations, []);
});
