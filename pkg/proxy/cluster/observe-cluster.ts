// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { CLUSTER_METRICS } from "../../cluster/mod.ts";
import type { ClusterRuntime } from "../../cluster/nats/mod.ts";
import type { ClusterView } from "../../cluster/node/mod.ts";
import type { Meter } from "../../telemetry/mod.ts";

/** What is looked at when somebody asks for the metrics. */
export interface ObservedCluster {
  /** Undefined: the proxy has not joined yet, or has ended. */
  readonly cluster: () => Pick<ClusterRuntime, "id" | "node" | "view"> | undefined;
  /** Commands under way for others and at others. */
  readonly open: () => { readonly in: number; readonly out: number };
}

/** States in which nobody serves a shard. One that is `unknown` has not been read yet, and may be served. */
const UNOWNED: ReadonlySet<ClusterView["shards"][number]["state"]> = new Set(["free", "lost", "owner gone"]);

export function observeCluster(meter: Meter, clock: Clock, { cluster, open }: ObservedCluster): void {
  meter.observe(CLUSTER_METRICS.member, () => [plain(cluster()?.id === undefined ? 0 : 1)]);
  meter.observe(CLUSTER_METRICS.renewalAge, () => {
    const membership = cluster()?.node.membership;
    if (membership?.kind !== "member") return [];
    return [plain((clock.monotonicMs() - membership.renewedMs) / MS_PER_SECOND)];
  });
  meter.observe(CLUSTER_METRICS.members, () => {
    const members = (cluster()?.view().members ?? []).filter(({ state }) => state !== "gone");
    const byState = Map.groupBy(members, ({ state }) => state);
    return [...byState].map(([state, { length }]) => ({ labels: { state }, value: length }));
  });
  meter.observe(CLUSTER_METRICS.owned, () => [plain(cluster()?.node.tenures.size ?? 0)]);
  meter.observe(CLUSTER_METRICS.unowned, () => {
    const view = cluster()?.view();
    return view === undefined ? [] : [plain(view.shards.filter(({ state }) => UNOWNED.has(state)).length)];
  });
  meter.observe(CLUSTER_METRICS.openForwarded, () =>
    Object.entries(open()).map(([direction, value]) => ({ labels: { direction }, value })),
  );
}

function plain(value: number) {
  return { labels: {}, value };
}

const MS_PER_SECOND = 1_000;
