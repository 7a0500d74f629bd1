// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { natsTest } from "../../../hack/nats/nats-test.ts";
import { startNatsServer } from "../../../hack/nats/server.ts";
import type { NatsServer } from "../../../hack/nats/server.ts";
import { eventLogContract } from "../contract.ts";
import { openJetStreamLog } from "./log.ts";

let shared: Promise<NatsServer> | undefined;
let lastLog = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** One server for all cases; each has a log of its own in it. */
for (const streams of [1, 4]) {
  eventLogContract(natsTest, `jetstream, streams: ${streams}`, async (limits) => {
    shared ??= startNatsServer();
    const address = { server: `127.0.0.1:${(await shared).port}`, prefix: `contract-${++lastLog}` };
    // Many logs make their streams at once.
    const options = { ...limits, streams, packRecords: 2, requestTimeoutMs: 30_000 };
    const log = await openJetStreamLog(address, options);
    return {
      log,
      // A proxy that dies leaves nothing behind but what the server has.
      afterCrash: () => openJetStreamLog(address, limits),
      dispose: () => log.close(),
    };
  });
}
