// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import type { TestScope } from "./processes.ts";

/**
 * Opens a JetStream manager of a server, `host:port`. It can do what the `nats` command line does. It is closed at
 * the end of the test.
 */
export async function managerOf(t: TestScope, server: string): Promise<JetStreamManager> {
  const connection = await connect({ servers: [server] });
  t.teardown(() => connection.close());
  return jetstreamManager(connection, { timeout: 30_000 });
}
