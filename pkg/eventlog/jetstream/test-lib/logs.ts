// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { ExecutionContext } from "ava";

import { startNatsServer } from "../../../../hack/nats/server.ts";
import type { NatsServer, NatsServerOptions } from "../../../../hack/nats/server.ts";
import { EventLogError } from "../../event-log.ts";
import type { EventLog, EventLogCode } from "../../event-log.ts";
import { openJetStreamLog } from "../log.ts";
import type { JetStreamLogOptions } from "../options.ts";

export function addressOf(server: NatsServer): string {
  return `127.0.0.1:${server.port}`;
}

/** A server of the test's own, which ends with it. */
export async function startServer(t: ExecutionContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

/** A log that is closed when the test ends. Its connection comes back quickly, and what it tries is given up quickly. */
export async function openLog(
  t: ExecutionContext,
  server: string,
  options: Partial<JetStreamLogOptions> = {},
  prefix = "p",
): Promise<EventLog> {
  const quick = { reconnectDelayMs: 20, reconnectJitterMs: 20, appendDeadlineMs: 500, readDeadlineMs: 100 };
  // The first connection may take its time on a busy machine.
  const patient = { connectTimeoutMs: 30_000 };
  const log = await openJetStreamLog({ server, prefix }, { ...quick, ...patient, ...options });
  t.teardown(() => log.close());
  return log;
}

/** The error of what has to be refused with this code. */
export async function refused(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: EventLogCode,
): Promise<EventLogError> {
  const error = await t.throwsAsync(promise, { instanceOf: EventLogError });
  t.is(error.code, code, error.message);
  return error;
}

/** Tries again until it works, for as long as it is refused with one of these codes. AVA's time-out bounds it. */
export async function eventually<T>(
  work: () => Promise<T>,
  codes: readonly EventLogCode[] = ["LOG_UNAVAILABLE"],
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof EventLogError) || !codes.includes(thrown.code)) throw thrown;
      await delay(10);
    }
  }
}
