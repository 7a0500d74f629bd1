// SPDX-License-Identifier: Apache-2.0

import { jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import type { TestScope } from "./processes.ts";

/** Does to the streams of a server, `host:port`, what the `nats` command line does; until the test ends. */
export async function managerOf(t: TestScope, server: string): Promise<JetStreamManager> {
  const connection = await connect({ servers: [server] });
  t.teardown(() => connection.close());
  return jetstreamManager(connection);
}
