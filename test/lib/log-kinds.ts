// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import test from "ava";

import { natsSerialTest } from "./nats/nats-test.ts";
import { startNatsServer } from "./nats/server.ts";
import type { TestScope } from "./processes.ts";
import { temporaryFolder } from "./processes.ts";

/** A log that only one test uses. */
export interface LogPlace {
  /** The log's address, as `PERDURE_LOG` takes it. */
  readonly address: string;
  /** Ends the log's own server, if it has one, by SIGKILL, and starts it again on what it had written. */
  crash(): Promise<void>;
}

/** A kind of log that a proxy can keep its state in. */
export interface LogKind {
  readonly name: string;
  /** AVA's `test.serial`, or its `skip` where the log's server is not available. */
  readonly test: typeof natsSerialTest;
  /** Whether acknowledged records survive a kill of the proxy. */
  readonly durable: boolean;
  readonly open: (scope: TestScope) => Promise<LogPlace>;
}

export const logKinds: readonly LogKind[] = [
  {
    name: "memory",
    test: test.serial,
    durable: false,
    open: async () => ({ address: "memory:", crash: async () => undefined }),
  },
  {
    name: "sqlite",
    test: test.serial,
    durable: true,
    open: async (scope) => ({
      address: `sqlite:${join(temporaryFolder(scope), "deep", "log.db")}`,
      crash: async () => undefined,
    }),
  },
  {
    name: "jetstream",
    test: natsSerialTest,
    durable: true,
    open: async (scope) => {
      const server = await startNatsServer();
      scope.teardown(() => server.stop());
      const crash = async (): Promise<void> => {
        await server.kill("SIGKILL");
        await server.restart();
      };
      return { address: `${server.url}/shop`, crash };
    },
  },
];

export const durableLogKinds: readonly LogKind[] = logKinds.filter(({ durable }) => durable);
