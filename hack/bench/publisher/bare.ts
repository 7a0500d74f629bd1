// SPDX-License-Identifier: Apache-2.0

import { DiscardPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect, nanos } from "@nats-io/transport-node";

import { cartId, firstRecord } from "../carts.ts";
import type { Caller } from "../loader/client.ts";
import { prepared } from "../loader/client.ts";

const STREAM = "bare";

/**
 * Publishes with the library alone: `js.publish` of @nats-io/jetstream, which expects the number of the subject's
 * last message. It uses one stream and one connection, both with the settings of the event log's.
 *
 * @param log The log's address. Its prefix has no meaning here.
 */
export async function connectBare(log: string): Promise<Caller> {
  const connection = await connect({ servers: [new URL(log).host], noAsyncTraces: true });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: STREAM,
    subjects: [`${STREAM}.*`],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    allow_direct: true,
    deny_delete: true,
    duplicate_window: nanos(1_000),
  });
  const client = jetstream(connection);
  const payload = firstRecord(Date.now());
  const subjectOf = prepared((entity) => `${STREAM}.${cartId(entity)}`);
  const last = new Map<number, number>();
  return {
    async call(_caller, entity) {
      const expect = { lastSubjectSequence: last.get(entity) ?? 0 };
      const { seq } = await client.publish(subjectOf(entity), payload, { expect });
      last.set(entity, seq);
    },
  };
}
