// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { startNatsCluster } from "../../../hack/nats/cluster.ts";
import type { NatsCluster } from "../../../hack/nats/cluster.ts";
import { natsTest } from "../../../hack/nats/nats-test.ts";
import { eventLogContract } from "../contract.ts";
import { openJetStreamLog } from "./log.ts";

let shared: Promise<NatsCluster> | undefined;
let lastLog = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** The fence and the view of what was acknowledged must hold when any of three servers may answer a read. */
eventLogContract(natsTest, "jetstream, three copies", async (limits) => {
  shared ??= startNatsCluster(3);
  const { servers } = await shared;
  const prefix = `contract-${++lastLog}`;
  const port = servers[lastLog % servers.length]?.port ?? 0;
  const address = { server: `127.0.0.1:${port}`, prefix };
  const options = { ...limits, streams: 2, packRecords: 2, replicas: 3, requestTimeoutMs: 30_000 };
  const log = await openJetStreamLog(address, options);
  return {
    log,
    afterCrash: () => openJetStreamLog(address, options),
    dispose: () => log.close(),
  };
});
