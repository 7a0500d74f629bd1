// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";

import { SHARDS, systemClock, systemRandom } from "../../../base/mod.ts";
import type { NatsLink, NatsOptions } from "../../../nats/mod.ts";
import { defaultsOf } from "../../../settings/mod.ts";
import { NO_TELEMETRY } from "../../../telemetry/mod.ts";
import type { ShardHost } from "../../mod.ts";
import { ClusterRuntime } from "../mod.ts";

import { openTestLink } from "../../../../test/lib/nats/test-link.ts";
import { until } from "../../../../test/lib/until.ts";
import type { ClusterOptions } from "../../settings.ts";
import { CLUSTER_SETTINGS } from "../../settings.ts";

export const BUCKET = "perdure-cluster-shop";

/** Remembers what it was told of each shard. */
export class RecordingHost implements ShardHost {
  readonly shards = new Set<number>();
  readonly released: number[] = [];
  readonly dropped: number[] = [];
  /** Releases wait for it. */
  packing: Promise<void> = Promise.resolve();
  onDrop: (shard: number) => void = () => undefined;

  take(shard: number): void {
    this.shards.add(shard);
  }

  async release(shard: number): Promise<void> {
    await this.packing;
    this.shards.delete(shard);
    this.released.push(shard);
  }

  drop(shard: number): void {
    this.shards.delete(shard);
    this.dropped.push(shard);
    this.onDrop(shard);
  }
}

/** A proxy's part in the cluster, with a connection of its own. */
export interface TestMember {
  readonly cluster: ClusterRuntime;
  readonly host: RecordingHost;
  readonly link: NatsLink;
}

export interface MemberOptions extends Partial<ClusterOptions> {
  readonly pod: string;
  readonly port: number;
  readonly share?: number;
  /** Pause before it connects to NATS again, and the largest random addition to that. */
  readonly reconnect?: Pick<NatsOptions, "reconnectDelayMs" | "reconnectJitterMs">;
}

export async function startMember(t: ExecutionContext, options: MemberOptions): Promise<TestMember> {
  const { pod, port, share = 100, reconnect, ...times } = options;
  const link = await openTestLink(t, port, reconnect);
  const host = new RecordingHost();
  const join = await ClusterRuntime.prepare({
    link,
    host,
    clock: systemClock,
    random: systemRandom,
    telemetry: NO_TELEMETRY,
    self: { pod, revision: "one", share },
    name: BUCKET,
    replicas: 1,
    requestTimeoutMs: 30_000,
    options: { ...defaultsOf(CLUSTER_SETTINGS), ...times },
  });
  const cluster = join();
  t.teardown(() => cluster.close());
  return { cluster, host, link };
}

/** Waits until each shard is served by one of these members, and all of them know by whom. */
export async function untilShared(members: readonly TestMember[], timeoutMs = 30_000): Promise<void> {
  await until("every shard is served by one member, which all know", () => isShared(members), timeoutMs);
}

/** By shard, its owners as the members themselves see it. */
export function ownersOf(members: readonly TestMember[]): readonly (readonly TestMember[])[] {
  return Array.from({ length: SHARDS }, (_, shard) =>
    members.filter(({ cluster }) => cluster.ownerOf(shard).kind === "here"),
  );
}

function isShared(members: readonly TestMember[]): boolean {
  return (
    members.every(({ cluster }) => cluster.isSettled) &&
    ownersOf(members).every(([owner, ...more], shard) => {
      if (owner === undefined || more.length > 0 || !owner.host.shards.has(shard)) return false;
      return members.every((member) => member === owner || knows(member, shard, owner));
    })
  );
}

function knows({ cluster }: TestMember, shard: number, owner: TestMember): boolean {
  const seen = cluster.ownerOf(shard);
  return seen.kind === "peer" && seen.peer === owner.cluster.id;
}
