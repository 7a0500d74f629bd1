// SPDX-License-Identifier: Apache-2.0

import { DeliverPolicy, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";

import { sleep } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import { isUnheard } from "./api-error.ts";
import { managerOf, passingConsumer } from "./consumers.ts";
import type { Source } from "./layout.ts";
import { logError } from "./log-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { FENCE } from "./publisher.ts";
import type { Origin } from "./stored.ts";

/** A message that shows an id: the last one of its subject. */
export type LastMessage = Pick<Origin, "subject" | "sequence">;

/**
 * Yields one message of each subject of a source, in pages and without payloads. The server of a consumer that lives
 * as long as the iteration determines at the start which message of each subject is the last, so that each subject
 * comes once, however many messages are added meanwhile. That server may lag behind. So of those that it receives
 * later, up to the sequence `until`, the first of a subject is yielded too: its fence is 0.
 *
 * @param until Sequence of a message of the source, or 0. @throws EventLogError
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
    const manager = await managerOf(connection, options);
    const made = await manager.consumers.add(stream, {
      ...passingConsumer("list", filter),
      deliver_policy: DeliverPolicy.LastPerSubject,
      headers_only: true,
    });
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
