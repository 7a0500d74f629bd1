// SPDX-License-Identifier: Apache-2.0

import { setTimeout as delay } from "node:timers/promises";

import type { ExecutionContext } from "ava";

import { RELAXED_LOG } from "../../../../test/lib/nats/relaxed.ts";
import type { NatsServer, NatsServerOptions } from "../../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../../test/lib/nats/server.ts";
import type { EventLog, EventLogCode } from "../../event-log.ts";
import { EventLogError } from "../../event-log.ts";
import { openJetStreamLog } from "../log.ts";
import type { JetStreamLogOptions } from "../options.ts";

export function addressOf(server: NatsServer): string {
  return `127.0.0.1:${server.port}`;
}

/** Starts a server for this test alone, and stops it when the test ends. */
export async function startServer(t: ExecutionContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

/** Time-outs for a healthy server on a busy machine, on which many logs connect and make their streams at once. */
export const PATIENT = { connectTimeoutMs: 30_000, requestTimeoutMs: 30_000, logCheckTimeoutMs: 30_000 };

/**
 * Opens a log that is closed when the test ends. It reconnects quickly, its deadlines are short, and its durability is
 * relaxed, because the servers of tests do not sync each write.
 */
export async function openLog(
  t: ExecutionContext,
  server: string,
  options: Partial<JetStreamLogOptions> = {},
  prefix = "p",
): Promise<EventLog> {
  const quick = { reconnectDelayMs: 20, reconnectJitterMs: 20, appendDeadlineMs: 500, readDeadlineMs: 100 };
  // The first connection may be slow on a busy machine.
  const { connectTimeoutMs } = PATIENT;
  const settings = { ...quick, ...RELAXED_LOG, connectTimeoutMs, ...options };
  // A cluster elects a leader for each new stream, so its streams are made with more time than the test wants.
  if (options.replicas !== undefined)
    await (await openJetStreamLog({ server, prefix }, { ...settings, ...PATIENT })).close();
  const log = await openJetStreamLog({ server, prefix }, settings);
  t.teardown(() => log.close());
  return log;
}

/** Expects the promise to reject with this code, and returns the error. */
export async function refused(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: EventLogCode,
): Promise<EventLogError> {
  const error = await t.throwsAsync(promise, { instanceOf: EventLogError });
  t.is(error.code, code, error.message);
  return error;
}

/** Tries again as long as the work is refused with one of these codes. AVA's time-out limits the wait. */
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
