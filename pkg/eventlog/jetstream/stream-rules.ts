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
  const placement = placementFor(options);
  return {
    ...(placement !== undefined && { placement: placement as Placement }),
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: options.replicas,
    discard: DiscardPolicy.New,
    allow_direct: true,
    // Messages have no id for deduplication, because the fence makes duplicates impossible, and each id would cost
    // memory.
    duplicate_window: nanos(1_000),
  };
}

/** A setting that a stream which exists must have. */
export type StreamRule = readonly [
  setting: string,
  isRight: (config: StreamConfig) => boolean,
  must: string,
  /** The flag of `nats stream edit` that corrects it. Undefined if the server lets nobody change the setting. */
  flag?: string,
];

const SAFE: readonly StreamRule[] = [
  ["storage", ({ storage }) => storage === StorageType.File, "be file"],
  ["retention", ({ retention }) => retention !== RetentionPolicy.Workqueue, "be limits"],
  ["retention", ({ retention }) => retention !== RetentionPolicy.Interest, "be limits", "--retention limits"],
  [
    "discard",
    ({ discard }) => discard === DiscardPolicy.New,
    "be new (a full stream has to refuse)",
    "--discard new",
  ],
  ["max_age", ({ max_age }) => !max_age, "be 0 (nothing may expire)", "--max-age 0"],
  ["max_msgs", ({ max_msgs: most }) => !(most > 0), "be -1 (max_bytes is the bound)", "--max-msgs=-1"],
  ["allow_direct", ({ allow_direct }) => allow_direct, "be true", "--allow-direct"],
  ["no_ack", ({ no_ack }) => !no_ack, "be false", "--ack"],
  ["mirror", ({ mirror }) => !mirror, "be none (only the log writes)", "--no-mirror"],
  ["sources", ({ sources }) => !sources?.length, "be none (only the log writes)"],
  ["subject_transform", ({ subject_transform }) => !subject_transform, "be none", "--no-transform"],
  ["sealed", ({ sealed }) => !sealed, "be false"],
  ["allow_msg_ttl", ({ allow_msg_ttl }) => !allow_msg_ttl, "be false (nothing may expire)"],
  ["allow_msg_schedules", ({ allow_msg_schedules }) => !allow_msg_schedules, "be false"],
  [
    "persist_mode",
    ({ persist_mode: mode }) => !mode || mode === PersistMode.Default,
    "be default (an acknowledged event is written)",
  ],
];

/** @param version Of the server. */
export function eventRules(layout: Layout, number: number, version: string): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("ev", number)),
    uncompressed(version),
    [
      "max_msgs_per_subject",
      ({ max_msgs_per_subject: most }) => !(most > 0),
      "be -1 (every event counts)",
      "--max-msgs-per-subject=-1",
    ],
    [
      "allow_rollup_hdrs",
      ({ allow_rollup_hdrs: may }) => may,
      "be true (a value replaces the one before it)",
      "--allow-rollup",
    ],
  ];
}

/** @param version Of the server. */
export function snapshotRules(layout: Layout, number: number, version: string): readonly StreamRule[] {
  return [
    ...SAFE,
    takes(layout.subjectsOf("sn", number)),
    uncompressed(version),
    [
      "max_msgs_per_subject",
      ({ max_msgs_per_subject: most }) => most === 1,
      "be 1 (the newest is enough)",
      "--max-msgs-per-subject=1",
    ],
    [
      "discard_new_per_subject",
      ({ discard_new_per_subject: refuses }) => !refuses,
      "be false",
      "--no-discard-per-subject",
    ],
  ];
}

/** The replicas and placement that the settings ask for, which streams that others made must have too. */
export function copyRules(settings: StreamSettings): readonly StreamRule[] {
  const { replicas } = settings;
  return [
    [
      "num_replicas",
      ({ num_replicas: copies }) => copies >= replicas,
      `be ${replicas}, as is asked for`,
      `--replicas ${replicas}`,
    ],
    [
      "placement",
      (config) => isPlacedFor(settings, config),
      `be the tag ${SYNC_TAG}, for strict durability`,
      `--tag ${SYNC_TAG}`,
    ],
  ];
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
