// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

import { until } from "../lib/until.ts";
import type { World } from "./world.ts";
import { eventStreams, FENCE, withServers } from "./world.ts";

export interface RawStreams {
  /** In all streams of events. */
  readonly messages: number;
  readonly violations: readonly string[];
}

/** How long reading the messages of a stream may take, in milliseconds. */
const READ_TIMEOUT_MS = 60_000;

/** How long the number of messages has to stay the same before the log is read, in milliseconds. */
const STILL_MS = 100;

/**
 * Reads the streams of events directly, without the log's code and without decoding the messages. Each message must
 * name the previous message on its subject, so that no two follow the same one (I3).
 */
export function checkRawStreams(world: Pick<World, "servers">): Promise<RawStreams> {
  return withServers(world, async (manager, connection) => {
    let messages = 0;
    const violations: string[] = [];
    for (const stream of await eventStreams(manager)) {
      const read = await checkStream(manager, connection, stream);
      messages += read.messages;
      violations.push(...read.violations);
    }
    return { messages, violations };
  });
}

/**
 * Waits until nothing can be added to the streams any more: no client is connected, and the number of messages is
 * stable.
 */
export async function waitForSilence(world: World): Promise<void> {
  for (const server of world.servers) {
    await until(`${server.name} has no client`, async () => {
      const answer = await fetch(`${server.monitorUrl}/connz`);
      const { num_connections: connections } = (await answer.json()) as { readonly num_connections: number };
      return connections === 0;
    });
  }
  let last: number | undefined;
  let sinceMs = 0;
  await until("the streams are still", async () => {
    const count = await withServers(world, countMessages).catch(() => undefined);
    if (count === undefined || count !== last) sinceMs = performance.now();
    last = count;
    return count !== undefined && performance.now() - sinceMs >= STILL_MS;
  });
}

async function countMessages(manager: JetStreamManager): Promise<number> {
  let count = 0;
  for (const stream of await eventStreams(manager))
    count += (await manager.streams.info(stream)).state.messages;
  return count;
}

async function checkStream(
  manager: JetStreamManager,
  connection: NatsConnection,
  stream: string,
): Promise<RawStreams> {
  const { state } = await manager.streams.info(stream);
  const violations: string[] = [];
  if (state.messages === 0) return { messages: 0, violations };
  const lastOf = new Map<string, number>();
  const consumer = await jetstream(connection).consumers.get(stream, { headers_only: true });
  const all = await consumer.consume();
  const timeout = setTimeout(() => all.stop(), READ_TIMEOUT_MS);
  let messages = 0;
  try {
    for await (const { seq, subject, headers } of all) {
      messages++;
      const before = lastOf.get(subject) ?? 0;
      const named = headers?.get(FENCE) || "nothing";
      if (named !== `${before}`) {
        violations.push(
          `${stream}, sequence ${seq}, ${subject}: it names ${named} as the one before, which is ${before}`,
        );
      }
      lastOf.set(subject, seq);
      if (seq >= state.last_seq) break;
    }
  } finally {
    clearTimeout(timeout);
  }
  if (messages !== state.messages)
    violations.push(`${stream}: ${messages} of ${state.messages} messages could be read`);
  return { messages, violations };
}
