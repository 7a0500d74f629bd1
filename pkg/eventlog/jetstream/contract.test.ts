// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import test from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import type { Trouble } from "../contract.ts";
import { eventLogContract } from "../contract.ts";
import { openJetStreamLog } from "./log.ts";
import type { JetStreamAddress } from "./options.ts";
import { PATIENT } from "./test-lib/logs.ts";

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
    const common = { ...limits, ...RELAXED_LOG, ...PATIENT };
    const options = { ...common, streams, packRecords: 2, logCheckIntervalMs: 50 };
    const log = await openJetStreamLog(address, options);
    const trouble = detaching(address);
    return {
      log,
      // Nothing has to be copied, because a proxy has no state outside the server.
      afterCrash: () => openJetStreamLog(address, common),
      trouble,
      dispose: () => log.close(),
    };
  });
}

/** Lets the event streams exist without the log's subjects, so that no stream takes an append. */
function detaching({ server, prefix }: JetStreamAddress): Trouble {
  const subjects = new Map<string, string[]>();
  const change = async (subjectsOf: (stream: string) => string[]): Promise<void> => {
    const connection = await connect({ servers: [server] });
    const { streams } = await jetstreamManager(connection, { timeout: 30_000 });
    if (subjects.size === 0) {
      const found = streams.list(`${prefix}.ev.>`);
      for await (const { config } of found) subjects.set(config.name, config.subjects);
    }
    for (const name of subjects.keys()) await streams.update(name, { subjects: subjectsOf(name) });
    await connection.close();
  };
  return {
    code: "LOG_UNAVAILABLE",
    begin: () => change((stream) => [`other.${stream}`]),
    end: () => change((stream) => subjects.get(stream) ?? []),
  };
}
