// SPDX-License-Identifier: Apache-2.0

import type { Values } from "../settings/mod.ts";
import {
  choice,
  DAY_MS,
  GIB,
  MIB,
  MINUTE_MS,
  milliseconds,
  named,
  number,
  SECOND_MS,
  setting,
  textThat,
} from "../settings/mod.ts";

/** Kubernetes' own limit. Names are parts of subjects in NATS, and keys of the bucket are not read with longer ones. */
const MAX_NAME_LENGTH = 253;

const name = textThat(
  (text) => text.length <= MAX_NAME_LENGTH,
  `at most ${MAX_NAME_LENGTH} characters long`,
  `at most ${MAX_NAME_LENGTH} characters`,
);

/** Whether a proxy shares its entities with others, and what it says of itself. */
export const MEMBER_SETTINGS = named({
  cluster: choice("auto", ["auto", "on", "off"], {
    help: "Whether the proxies that have the same log share their entities: each entity is in the memory of one proxy, and the others send its commands there. `auto`: if the log is on NATS; a log in a file or in memory has one proxy. `on`: the same, and a log that cannot be shared is refused. `off`: each proxy believes that it is alone, and beside others its reads may be old. All proxies of a log must agree: stop them all before you change it.",
  }),
  podName: setting("", name, {
    env: "POD_NAME",
    help: "In a cluster: the name of this proxy, which no other one has. If empty, the name of its machine, which in Kubernetes is that of the pod.",
  }),
  revision: setting("", name, {
    env: "K_REVISION",
    help: "In a cluster: the revision that the proxy belongs to, which Knative sets. An entity stays at the pods of one revision.",
  }),
  trafficShare: number(100, "percent", [0, 100], {
    help: "In a cluster: the part of all requests that the revision gets. Its pods together own about so many of the entities.",
  }),
});

/** How the proxies of one service share its entities (ADR 29). */
export const CLUSTER_SETTINGS = named({
  leaseMs: milliseconds(500, {
    range: [100, 10 * SECOND_MS],
    help: "How long after a renewal in NATS a proxy may answer for its entities; busy proxies renew twice in that time. After the others have found that a proxy is gone, they wait 1.2 times as long before they take its entities, because it might still answer until then. Proxies may differ in it, as during an update that changes it.",
  }),
  heartbeatIntervalMs: milliseconds(1_000, {
    range: [100, MINUTE_MS],
    help: "How often a proxy tells those that watch it, three others, that it is there. One that is silent for 1.25 times as long is asked; if NATS then says twice, within a quarter of it, that the proxy is not connected, it is replaced.",
  }),
  memberTtlMs: milliseconds(10_000, {
    range: [4 * SECOND_MS, 10 * MINUTE_MS],
    help: "Time without a renewal, in whole seconds, after which NATS itself drops a proxy, such as one that is cut off. At least four times `--lease`. A proxy that could not renew for seven tenths of it stops serving entities by itself.",
  }),
  shardPackTimeoutMs: milliseconds(5_000, {
    range: [0, DAY_MS],
    help: "How long the entities of a shard that moves to another proxy may take to leave memory once their commands are answered; then they are thrown away, and the other proxy reads their histories as they are in the log.",
  }),
  handoffTimeoutMs: milliseconds(10_000, {
    range: [0, DAY_MS],
    help: "How long a proxy that stops may take to hand all its shards to others.",
  }),
});

export type ClusterOptions = Values<typeof CLUSTER_SETTINGS>;

/** Bounds of the commands that one proxy of a cluster sends to another (I11). */
export const FORWARD_SETTINGS = named({
  maxPeerCalls: number(4_096, "commands", [1, 1_000_000], {
    help: "Commands that a proxy may have under way to one other; the next is refused with `PEER_BUSY`.",
  }),
  maxPeerBytes: number(32 * MIB, "bytes", [MIB, 16 * GIB], {
    help: "The same in bytes of commands and large answers, with 1 KiB for each command. For all other proxies together there are six sixteenths of `--max-buffered-bytes`, on top of these, and for one of them at most half of that.",
  }),
  maxPeerMessageBytes: number(16 * MIB, "bytes", [MIB, GIB], {
    help: "Largest command and largest answer between two proxies. By 1 MiB larger than `--max-request-bytes` and `--max-message-bytes`, so that no command depends on where its entity is, and less than `--max-peer-bytes`.",
  }),
  maxPeerSilenceMs: milliseconds(5_000, {
    range: [3 * SECOND_MS, 10 * MINUTE_MS],
    help: "A proxy that carries out a command of another one tells it so every second. After so long without a word the command ends with `PEER_LOST`.",
  }),
});
