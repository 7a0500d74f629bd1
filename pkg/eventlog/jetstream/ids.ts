// SPDX-License-Identifier: Apache-2.0

import type { ConsumerInfo, JetStreamManager } from "@nats-io/jetstream";
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { nanos, nuid } from "@nats-io/transport-node";

import { sleep } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import { isUnheard } from "./api-error.ts";
import type { Source } from "./layout.ts";
import { logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { FENCE } from "./publisher.ts";

/** A message that shows an id: the last one of its subject. */
export interface LastMessage {
  readonly subject: string;
  readonly sequence: number;
}

/** The server removes a consumer that its reader has not used for this long, in milliseconds. */
const INACTIVE_MS = 60_000;

/**
 * Yields one message of each subject of a source, in pages and without payloads. It uses a consumer that lives as
 * long as the iteration. The consumer's server determines at the start which message of each subject is the last, so
 * that each subject comes once, however many messages are added meanwhile.
 *
 * That server may lag behind. After the messages that it determined at the start, the consumer delivers those that
 * the server receives later. Up to the sequence `until`, the first message of a subject is yielded too: its fence
 * (expected sequence 0) shows that the subject had no message before it.
 *
 * @param until Sequence of a message of the source, or 0.
 * @throws EventLogError
 */
export async function* lastMessages(
  connection: NatsConnection,
  { stream, subject: filter }: Source,
  until: number,
  options: JetStreamLogOptions,
): AsyncGenerator<readonly LastMessage[]> {
  const doing = `listing ${stream} ${filter}`;
  const { clock, requestTimeoutMs: timeout } = options;
  const giveUpMs = clock.monotonicMs() + timeout;
  try {
    const manager = await jetstreamManager(connection, { timeout, checkAPI: false });
    const made = await makeConsumer(manager, stream, filter);
    try {
      const consumer = await jetstream(connection, { timeout }).consumers.get(stream, made.name);
      let last = 0;
      for (let left = made.num_pending; left > 0 || last < until; ) {
        const page: LastMessage[] = [];
        const messages = await consumer.fetch({
          max_messages: left > 0 ? Math.min(left, options.pageRecords) : 1,
          expires: Math.max(timeout, MIN_EXPIRES_MS),
        });
        const before = last;
        try {
          for await (const { subject, seq, headers } of messages) {
            if (left > 0 || headers?.get(FENCE) === "0") page.push({ subject, sequence: seq });
            last = seq;
            left--;
          }
        } catch (thrown) {
          // In a cluster our server may learn of the new consumer a moment after the answer to its creation.
          if (!isUnheard(thrown) || clock.monotonicMs() > giveUpMs) throw thrown;
          await sleep(clock, UNHEARD_PAUSE_MS);
          if (last === before) continue;
        }
        if (last === before) throw new EventLogError("LOG_UNAVAILABLE", `${doing}: the server stopped`);
        yield page;
      }
    } finally {
      // If this does not reach the server, the server removes the consumer later by itself.
      await manager.consumers.delete(stream, made.name).catch(() => undefined);
    }
  } catch (thrown) {
    throw logError(thrown, doing, "read");
  }
}

const UNHEARD_PAUSE_MS = 10;

/** The shortest time that the client accepts. */
const MIN_EXPIRES_MS = 1_000;

function makeConsumer(manager: JetStreamManager, stream: string, filter: string): Promise<ConsumerInfo> {
  return manager.consumers.add(stream, {
    // If we choose the name, the request's subject contains the filter, so that a permission can be limited to it.
    name: `perdure-list-${nuid.next()}`,
    deliver_policy: DeliverPolicy.LastPerSubject,
    filter_subject: filter,
    ack_policy: AckPolicy.None,
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE_MS),
  });
}
