// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import type { ActionHandlers, RunningServer } from "../mod.ts";
import { serve } from "../mod.ts";

import { FakeProxy } from "./fake-proxy.ts";
import type { Pipeline } from "./gen/model_pb.ts";
import { otherAction, pipelineOf } from "./model.ts";

interface Served {
  readonly server: RunningServer;
  readonly proxy: FakeProxy;
  /** What the server has logged. */
  readonly lines: readonly string[];
}

/** A server of these handlers, until the test ends; the others do nothing. */
export async function served(
  t: ExecutionContext,
  handlers: Partial<ActionHandlers<typeof Pipeline>>,
  drainTimeoutMs = 10_000,
): Promise<Served> {
  const lines: string[] = [];
  const server = await serve({
    entities: [pipelineOf(handlers), otherAction()],
    port: 0,
    handleSignals: false,
    drainTimeoutMs,
    log: (line) => lines.push(line),
  });
  const proxy = new FakeProxy(server.port);
  t.teardown(async () => {
    proxy.client.close();
    await server.close();
  });
  return { server, proxy, lines };
}
