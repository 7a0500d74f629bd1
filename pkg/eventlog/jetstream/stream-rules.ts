// SPDX-License-Identifier: Apache-2.0

import type { Placement, StreamConfig } from "@nats-io/jetstream";
import {
  DiscardPolicy,
  PersistMode,
  RetentionPolicy,
  StorageType,
  StoreCompression,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

import { isVersionBefore } from "../../nats/mod.ts";

import { EventLogError } from "../event-log.ts";
import { needsTag, SYNC_TAG } from "./durability.ts";
import type { Layout } from "./layout.ts";
import type { JetStreamLogOptions, StreamSettings } from "./options.ts";

export type WantedStream = Partial<StreamConfig> & { readonly name: string };

export function eventStream(layout: Layout, number: number, options: JetStreamLogOptions): WantedStream {
  return {
    ...common(options),
    name: layout.streamOf("ev", number),
    subjects: layout.subjectsOf("ev", number),
    description: "Perdure: events",
    max_bytes: options.maxStreamBytes ?? -1,
    deny_delete: true,
    allow_rollup_hdrs: true,
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
  return {
    ...(needsTag(options) && { placement: { tags: [SYNC_TAG] } as Partial<Placement> as Placement }),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: options.replicas,
    discard: DiscardPolicy.New,
    allow_direct: true,
    // No deduplication by id, because the fence makes duplicates impossible, and each id would cost memory.
    duplicate_window: nanos(1_000),
  };
}

/** A setting that a stream which exists must have. */
export type StreamRule = readonly [
  setting: string,
  isRight: (config: StreamConfig) => boolean,
  must: string,
  /** The flag of `nats stream edit` that corrects it. Undefined if the server lets nobody change the setting. */
  flag?: string | undefined,
];

/** A rule about one field of the configuration. */
function rule<K extends keyof StreamConfig>(
  setting: K,
  isRight: (value: StreamConfig[K]) => boolean,
  must: string,
  flag?: string,
): StreamRule {
  return [setting, (config) => isRight(config[setting]), must, flag];
}

function is<T>(wanted: NoInfer<T>): (value: T) => boolean {
  return (value) => value === wanted;
}

const isUnset = (value: unknown) => !value;
const isUnbounded = (most: number) => !(most > 0);
const isDefaultMode = (mode: PersistMode | undefined) => !mode || mode === PersistMode.Default;

const SAFE: readonly StreamRule[] = [
  rule("storage", is(StorageType.File), "be file"),
  rule("retention", (policy) => policy !== RetentionPolicy.Workqueue, "be limits"),
  rule("retention", (policy) => policy !== RetentionPolicy.Interest, "be limits", "--retention limits"),
  rule("discard", is(DiscardPolicy.New), "be new (a full stream has to refuse)", "--discard new"),
  rule("max_age", isUnset, "be 0 (nothing may expire)", "--max-age 0"),
  rule("max_msgs", isUnbounded, "be -1 (max_bytes is the bound)", "--max-msgs=-1"),
  rule("allow_direct", is(true), "be true", "--allow-direct"),
  rule("no_ack", isUnset, "be false", "--ack"),
  rule("mirror", isUnset, "be none (only the log writes)", "--no-mirror"),
  rule("sources", (sources) => !sources?.length, "be none (only the log writes)"),
  rule("subject_transform", isUnset, "be none", "--no-transform"),
  rule("sealed", isUnset, "be false"),
  rule("allow_msg_ttl", isUnset, "be false (nothing may expire)"),
  rule("allow_msg_schedules", isUnset, "be false"),
  rule("persist_mode", isDefaultMode, "be default (an acknowledged event is written)"),
];

/** @param version Of the server. */
export function eventRules(layout: Layout, number: number, version: string): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("ev", number)),
    uncompressed(version),
    rule("max_msgs_per_subject", isUnbounded, "be -1 (every event counts)", "--max-msgs-per-subject=-1"),
    rule("allow_rollup_hdrs", is(true), "be true (a value replaces the one before it)", "--allow-rollup"),
  ];
}

export function snapshotRules(layout: Layout, number: number, version: string): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("sn", number)),
    uncompressed(version),
    rule("max_msgs_per_subject", is(1), "be 1 (the newest is enough)", "--max-msgs-per-subject=1"),
    rule("discard_new_per_subject", isUnset, "be false", "--no-discard-per-subject"),
  ];
}

/** The copies that the settings ask for, which streams that others made must have too. */
export function copyRules({ replicas }: StreamSettings): readonly StreamRule[] {
  const isEnough = (are: number): boolean => are >= replicas;
  return [rule("num_replicas", isEnough, `be ${replicas}, as is asked for`, `--replicas ${replicas}`)];
}

function takes(subjects: readonly string[]): StreamRule {
  return [
    "subjects",
    (config) => takesAll(config, subjects),
    `contain ${subjects.join(" ")}`,
    `--subjects "${subjects.join(",")}"`,
  ];
}

export function takesAll(config: StreamConfig, subjects: readonly string[]): boolean {
  // A stream that mirrors another one has no subjects.
  return subjects.every((subject) => config.subjects?.includes(subject) ?? false);
}

/** Forbids compression on servers that damage compressed blocks when they compact them (fixed in 2.14.3). */
function uncompressed(version: string): StreamRule {
  const isSafe = !isVersionBefore(version, [2, 14, 3]);
  return [
    "compression",
    ({ compression }) => isSafe || !compression || compression === StoreCompression.None,
    `be none, or nats-server 2.14.3 or newer (${version} may damage what it compresses)`,
    "--compression none",
  ];
}

/** @throws EventLogError `LOG_UNUSABLE` that names every setting that is wrong, and what changes it. */
export function checkStream(config: StreamConfig, rules: readonly StreamRule[]): void {
  const wrong = rules.filter(([, isRight]) => !isRight(config));
  if (wrong.length === 0) return;
  const settings = wrong.map(([setting, , must]) => `${setting} must ${must}`).join(", ");
  const fixed = wrong.filter(([, , , flag]) => flag === undefined).map(([setting]) => setting);
  const flags = wrong.flatMap(([, , , flag]) => flag ?? []).join(" ");
  const mend =
    fixed.length === 0
      ? `Change it: nats stream edit ${config.name} ${flags}; or choose`
      : `A stream keeps its ${fixed.join(" and ")}: choose`;
  const text =
    `the stream ${config.name} would lose or refuse what the log needs: ${settings}. ` +
    `${mend} another prefix in the address of the log`;
  throw new EventLogError("LOG_UNUSABLE", text);
}
