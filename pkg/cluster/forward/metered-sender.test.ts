// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { MetricRegistry } from "../../telemetry/mod.ts";

import { forwardError } from "../forward-error.ts";
import { MeteredSender } from "./metered-sender.ts";
import { requestOf } from "./testdata/forward-world.ts";

test("each command is counted by its outcome, and timed whatever becomes of it", async (t) => {
  const clock = new ManualClock();
  const registry = new MetricRegistry(clock);
  const answers: (() => Promise<Uint8Array>)[] = [
    async () => Buffer.from("yes"),
    () => Promise.reject(forwardError(Status.UNAVAILABLE, "PEER_LOST", "gone")),
    async () => Buffer.from("yes"),
  ];
  const call = (): Promise<Uint8Array> => {
    clock.advance(300);
    return answers.shift()?.() ?? Promise.reject(new Error("it is asked too often"));
  };
  const sender = new MeteredSender({ call }, registry, clock);
  const request = requestOf(new Uint8Array());
  t.is(Buffer.from(await sender.call("b.1", request)).toString(), "yes");
  await t.throwsAsync(sender.call("b.1", request), { code: "PEER_LOST", message: "gone" });
  await sender.call("b.1", request);
  const told = registry.collect().map(({ metric, series }) => ({
    name: metric.name,
    values: series.map(({ labels, value }) =>
      value.kind === "number" ? [labels["outcome"], value.number] : [value.buckets.map(({ count }) => count)],
    ),
  }));
  t.deepEqual(told, [
    {
      name: "perdure_forwarded_command_seconds",
      values: [[[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]]],
    },
    {
      name: "perdure_forwarded_commands",
      values: [
        ["answered", 2],
        ["PEER_LOST", 1],
      ],
    },
  ]);
});
