// SPDX-License-Identifier: Apache-2.0

import { DiscardPolicy, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { Placement, StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

import { EventLogError } from "../event-log.ts";
import { isPlacedFor, placementFor, SYNC_TAG } from "./durability.ts";
import type { Layout } from "./layout.ts";
import type { JetStreamLogOptions, StreamSettings } from "./options.ts";

/** How a stream is made. */
export type WantedStream = Partial<StreamConfig> & { readonly name: string };

export function eventStream(layout: Layout, number: number, options: JetStreamLogOptions): WantedStream {
  return {
    ...common(options),
    name: layout.streamOf("ev", number),
    subjects: layout.subjectsOf("ev", number),
    description: "Perdure: events",
    max_bytes: options.maxStreamBytes ?? -1,
    deny_delete: true,
  };
}

export function snapshotStream(layout: Layout, number: number, options: JetStreamLogOptions): WantedStream {
  return {
    ...common(options),
    name: layout.streamOf("sn", number),
    subjects: layout.subjectsOf("sn", number),
    description: "Perdure: the newest snapshot of each entity",
    max_msgs_per_subject: 1,
  };
}

function common(options: JetStreamLogOptions): Partial<StreamConfig> {
  const placement = placementFor(options);
  return {
    ...(placement !== undefined && { placement: placement as Placement }),
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

export function eventRules(layout: Layout, number: number): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("ev", number)),
    ["max_msgs_per_subject", ({ max_msgs_per_subject: most }) => !(most > 0), "be -1 (every event counts)"],
    ["allow_rollup_hdrs", ({ allow_rollup_hdrs }) => !allow_rollup_hdrs, "be false"],
  ];
}

export function snapshotRules(layout: Layout, number: number): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("sn", number)),
    ["max_msgs_per_subject", ({ max_msgs_per_subject: most }) => most === 1, "be 1 (the newest is enough)"],
    ["discard_new_per_subject", ({ discard_new_per_subject: refuses }) => !refuses, "be false"],
  ];
}

/** What was asked for, of streams that others made. */
export function copyRules(settings: StreamSettings): readonly StreamRule[] {
  const { replicas } = settings;
  return [
    ["num_replicas", ({ num_replicas: copies }) => copies >= replicas, `be ${replicas}, as is asked for`],
    ["placement", (config) => isPlacedFor(settings, config), `be the tag ${SYNC_TAG}, for strict durability`],
  ];
}

function takes(subjects: readonly string[]): StreamRule {
  return ["subjects", (config) => takesAll(config, subjects), `contain ${subjects.join(" ")}`];
}

export function takesAll(config: StreamConfig, subjects: readonly string[]): boolean {
  // A stream that mirrors another one has none.
  return subjects.every((subject) => config.subjects?.includes(subject) ?? false);
}

/** @throws EventLogError `LOG_UNUSABLE` that names every setting that is wrong. */
export function checkStream(config: StreamConfig, rules: readonly StreamRule[]): void {
  const wrong = rules
    .filter(([, isRight]) => !isRight(config))
    .map(([setting, , must]) => `${setting} must ${must}`);
  if (wrong.length === 0) return;
  const text =
    `the stream ${config.name} would lose or refuse what the log needs: ${wrong.join(", ")}. ` +
    "Change it (nats stream edit), or choose another prefix in the address of the log";
  throw new EventLogError("LOG_UNUSABLE", text);
}
