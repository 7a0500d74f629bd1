// SPDX-License-Identifier: Apache-2.0

import { SEGMENTS, SHARDS } from "../../../base/mod.ts";
import type { ClusterEffect, ClusterInput, Entry, MemberInfo } from "../mod.ts";
import { ClusterNode, DEFAULT_MEMBER_TIMES } from "../mod.ts";

export const SIZE = SHARDS / SEGMENTS;
/** A segment that nobody owns. */
export const FREE: readonly Entry[] = Array.from({ length: SIZE }, () => ({ kind: "free", epoch: 2 }));

type SegmentWrite = Extract<ClusterEffect, { kind: "write-segment" }>;

/** A node of the pod `a`, whose messages the test answers. It is the member `a.1` when it has joined. */
export class NodeWorld {
  readonly sent: ClusterEffect[] = [];
  /** The last write of each segment that has no answer yet. */
  readonly #writes = new Map<number, SegmentWrite>();
  readonly node: ClusterNode;
  nowMs = 0;
  #ids = 0;

  constructor({ isAside = false }: { readonly isAside?: boolean } = {}) {
    this.node = new ClusterNode({
      isAside,
      self: { pod: "a", revision: "one", share: 100 },
      times: DEFAULT_MEMBER_TIMES,
      shards: SHARDS,
      segments: SEGMENTS,
      newId: () => `a.${++this.#ids}`,
      send: (effect) => {
        this.sent.push(effect);
        if (effect.kind === "write-segment") this.#writes.set(effect.segment, effect);
      },
    });
  }

  handle(input: ClusterInput): readonly ClusterEffect[] {
    this.sent.length = 0;
    this.node.handle(input, this.nowMs);
    return [...this.sent];
  }

  /** Takes the writes that have no answer yet. */
  rewrites(): readonly SegmentWrite[] {
    const writes = [...this.#writes.values()];
    this.#writes.clear();
    return writes;
  }

  tick(afterMs = 0): readonly ClusterEffect[] {
    this.nowMs += afterMs;
    return this.handle({ kind: "tick" });
  }

  segment(
    segment: number,
    revision: number,
    entries: readonly Entry[] | undefined,
  ): readonly ClusterEffect[] {
    return this.handle({ kind: "segment-seen", segment, revision, entries, isWatched: true });
  }
}

/** A member that owns all shards. */
export function owner(): NodeWorld {
  const world = new NodeWorld();
  for (let segment = 0; segment < SEGMENTS; segment++) world.segment(segment, segment + 1, FREE);
  world.tick();
  world.handle({ kind: "stored", id: "a.1", revision: 20 });
  for (const effect of world.tick())
    if (effect.kind === "write-segment") world.segment(effect.segment, 30 + effect.segment, effect.entries);
  return world;
}

/** News of another member. */
export function other(
  revision: number,
  seenRevision = 0,
  news: Partial<Pick<MemberInfo, "leaseMs" | "longestLeaseMs" | "isLeaving">> = {},
): ClusterInput {
  const { leaseMs = 500, longestLeaseMs = leaseMs, isLeaving = false } = news;
  const info = { pod: "b", revision: "one", share: 100, leaseMs, longestLeaseMs, isLeaving, seenRevision };
  return { kind: "member-seen", id: "b.1", info, revision };
}
