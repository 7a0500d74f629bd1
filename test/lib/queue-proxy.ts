// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { TestScope } from "./processes.ts";

/**
 * The part of Knative's queue-proxy that the end of a pod needs. The test ends a response in `waiting` to tell the
 * client of `url` that no more requests come.
 */
export async function startQueueProxy(
  scope: TestScope,
): Promise<{ readonly url: string; readonly waiting: readonly ServerResponse[] }> {
  const waiting: ServerResponse[] = [];
  const server = createServer((_, response) => waiting.push(response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/wait-for-drain`, waiting };
}
