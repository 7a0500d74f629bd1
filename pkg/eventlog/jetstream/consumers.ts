// SPDX-License-Identifier: Apache-2.0

import type { ConsumerConfig, JetStreamManager } from "@nats-io/jetstream";
import { AckPolicy, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { nanos, nuid } from "@nats-io/transport-node";

import type { JetStreamLogOptions } from "./options.ts";

/** The server removes a consumer that its reader has not used for this long. */
const INACTIVE_MS = 60_000;

export function managerOf(
  connection: NatsConnection,
  { requestTimeoutMs: timeout }: JetStreamLogOptions,
): Promise<JetStreamManager> {
  return jetstreamManager(connection, { timeout, checkAPI: false });
}

/** What all consumers share: they need no acknowledgement, and may be lost. */
export function passingConsumer(purpose: "list" | "tail", filter: string): Partial<ConsumerConfig> {
  return {
    // If we choose the name, the request's subject contains the filter, so that a permission can be limited to it.
    name: `perdure-${purpose}-${nuid.next()}`,
    filter_subject: filter,
    ack_policy: AckPolicy.None,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE_MS),
  };
}
