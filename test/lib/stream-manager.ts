// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

import type { TestScope } from "./processes.ts";

/**
 * Opens a JetStream manager of a server, `host:port`. It can do what the `nats` command line does. It is closed at
 * the end of the test.
 *
 * @param user of the server, if it asks for one
 */
export async function managerOf(
  t: TestScope,
  server: string,
  user?: { readonly user: string; readonly pass: string },
): Promise<JetStreamManager> {
  const connection = await connect({ servers: [server], timeout: 30_000, ...user });
  t.teardown(() => connection.close());
  return jetstreamManager(connection, { timeout: 30_000 });
}
