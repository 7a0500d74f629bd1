// SPDX-License-Identifier: Apache-2.0

import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";

import { EventLogError } from "../event-log.ts";
import { isStreamAbsent, isStreamNameTaken, translateError } from "./nats-error.ts";
import type { JetStreamLogOptions } from "./options.ts";
import type { LogNames } from "./subjects.ts";

/** What the log learns of its streams. */
export interface StreamFacts {
  /** Any of several servers answers a direct get, and one that lags behind may not know the newest. */
  readonly replicated: boolean;
}

/**
 * Makes the streams that are not there and checks those that are: nothing that would lose events is accepted.
 *
 * @throws EventLogError `LOG_UNAVAILABLE` with what to change.
 */
export async function prepareStreams(
  connection: NatsConnection,
  names: LogNames,
  options: JetStreamLogOptions,
): Promise<StreamFacts> {
  const doing = `preparing the streams ${names.events} and ${names.snapshots}`;
  try {
    const manager = await jetstreamManager(connection, { timeout: options.requestTimeoutMs });
    const events = await findOrMake(manager, eventStream(names, options));
    checkStream(events, eventRules(names));
    const snapshots = await findOrMake(manager, snapshotStream(names, options));
    checkStream(snapshots, snapshotRules(names));
    return { replicated: events.num_replicas > 1 || snapshots.num_replicas > 1 };
  } catch (thrown) {
    // Making a stream anew is harmless, so an unknown outcome is none here.
    throw translateError(thrown, doing, "read");
  }
}

type Wanted = Partial<StreamConfig> & { readonly name: string };

async function findOrMake(manager: JetStreamManager, wanted: Wanted): Promise<StreamConfig> {
  try {
    return (await manager.streams.info(wanted.name)).config;
  } catch (thrown) {
    if (!isStreamAbsent(thrown)) throw thrown;
  }
  try {
    return (await manager.streams.add(wanted)).config;
  } catch (thrown) {
    // Another proxy, with other settings, was faster.
    if (!isStreamNameTaken(thrown)) throw thrown;
    return (await manager.streams.info(wanted.name)).config;
  }
}

function eventStream(names: LogNames, options: JetStreamLogOptions): Wanted {
  return {
    ...common(options),
    name: names.events,
    subjects: [names.allEvents],
    description: "Perdure: events",
    max_bytes: options.maxStreamBytes ?? -1,
    deny_delete: true,
  };
}

function snapshotStream(names: LogNames, options: JetStreamLogOptions): Wanted {
  return {
    ...common(options),
    name: names.snapshots,
    subjects: [names.allSnapshots],
    description: "Perdure: the newest snapshot of each entity",
    max_msgs_per_subject: 1,
  };
}

function common(options: JetStreamLogOptions): Partial<StreamConfig> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: options.replicas,
    discard: DiscardPolicy.New,
    allow_direct: true,
    // No message has an id: the fence makes duplicates impossible, and each id would cost memory.
    duplicate_window: nanos(1_000),
  };
}

/** A setting, whether it is right, and what it must be. */
export type StreamRule = readonly [setting: string, isRight: (config: StreamConfig) => boolean, must: string];

const SAFE: readonly StreamRule[] = [
  ["storage", ({ storage }) => storage === StorageType.File, "be file"],
  ["retention", ({ retention }) => retention === RetentionPolicy.Limits, "be limits"],
  ["discard", ({ discard }) => discard === DiscardPolicy.New, "be new (a full stream has to refuse)"],
  ["max_age", ({ max_age }) => !max_age, "be 0 (nothing may expire)"],
  ["allow_direct", ({ allow_direct }) => allow_direct, "be true"],
  ["no_ack", ({ no_ack }) => !no_ack, "be false"],
  ["sealed", ({ sealed }) => !sealed, "be false"],
  ["allow_msg_ttl", ({ allow_msg_ttl }) => allow_msg_ttl !== true, "be false (nothing may expire)"],
  ["persist_mode", ({ persist_mode: mode }) => !mode || mode === "default", "be default"],
];

export function eventRules(names: LogNames): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(names.allEvents),
    ["max_msgs_per_subject", ({ max_msgs_per_subject: most }) => !(most > 0), "be -1 (every event counts)"],
    ["allow_rollup_hdrs", ({ allow_rollup_hdrs }) => !allow_rollup_hdrs, "be false"],
  ];
}

export function snapshotRules(names: LogNames): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(names.allSnapshots),
    ["max_msgs_per_subject", ({ max_msgs_per_subject: most }) => most === 1, "be 1 (the newest is enough)"],
    ["discard_new_per_subject", ({ discard_new_per_subject: refuses }) => !refuses, "be false"],
  ];
}

function takes(subject: string): StreamRule {
  return ["subjects", ({ subjects }) => subjects?.includes(subject) ?? false, `contain ${subject}`];
}

/** @throws EventLogError `LOG_UNAVAILABLE` that names every setting that is wrong. */
export function checkStream(config: StreamConfig, rules: readonly StreamRule[]): void {
  const wrong = rules
    .filter(([, isRight]) => !isRight(config))
    .map(([setting, , must]) => `${setting} must ${must}`);
  if (wrong.length === 0) return;
  const text =
    `the stream ${config.name} would lose or refuse what the log needs: ${wrong.join(", ")}. ` +
    "Change it (nats stream edit), or choose another prefix in the address of the log";
  throw new EventLogError("LOG_UNAVAILABLE", text);
}
