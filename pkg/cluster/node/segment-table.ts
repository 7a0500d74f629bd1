// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";

import type { PeerId } from "../placement.ts";
import type { Entry, Segment } from "./owners.ts";
import { isSameEntry } from "./owners.ts";

/** What a node knows of one segment. */
export interface SegmentState {
  /** Undefined: not read yet. */
  readonly segment: Segment | undefined;
  /** When this node saw that its entries are lost. */
  readonly lostMs: number | undefined;
  /** A write or a read of it is under way. */
  readonly sentMs: number | undefined;
}

/** A segment as the bucket shows it. Without entries: the key is not there. */
export interface SegmentNews {
  readonly segment: number;
  readonly revision: number;
  readonly entries: readonly Entry[] | undefined;
  readonly isWatched: boolean;
}

const UNKNOWN: SegmentState = { segment: undefined, lostMs: undefined, sentMs: undefined };

/** What a node knows of the owners of shards, by segment. At most one request for each is under way. */
export class SegmentTable {
  readonly #states: SegmentState[];
  /** By shard, when this node saw its entry change. Nothing is decided by it. */
  readonly #changedMs: Float64Array;
  /** Shards of a segment. */
  readonly size: number;

  constructor(shards: number, segments: number) {
    assert(shards % segments === 0, "all segments have the same size");
    this.size = shards / segments;
    this.#states = Array.from({ length: segments }, () => UNKNOWN);
    this.#changedMs = new Float64Array(shards);
  }

  get count(): number {
    return this.#states.length;
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.#states.every(({ sentMs }) => sentMs === undefined);
  }

  /** Everybody that an entry names. */
  get owners(): ReadonlySet<PeerId> {
    const entries = this.#states.flatMap(({ segment }) => segment?.entries ?? []);
    return new Set(entries.flatMap((entry) => (entry.kind === "owned" ? [entry.owner] : [])));
  }

  /** Whether there are lost entries with a revision beyond the first and not beyond the second. */
  hasLostBetween(after: number, upTo: number): boolean {
    return this.#states.some(({ lostMs, segment }) => {
      const revision = segment?.revision ?? 0;
      return lostMs !== undefined && revision > after && revision <= upTo;
    });
  }

  segmentOf(shard: number): number {
    return Math.floor(shard / this.size);
  }

  entryOf(shard: number): Entry | undefined {
    return this.stateOf(this.segmentOf(shard)).segment?.entries?.[shard % this.size];
  }

  /** When this node saw that the entry of a shard is what it is; undefined: it does not know the entry. */
  entrySinceMs(shard: number): number | undefined {
    return this.entryOf(shard) && this.#changedMs[shard];
  }

  stateOf(segment: number): SegmentState {
    const state = this.#states[segment];
    assert(state !== undefined, "the segment exists");
    return state;
  }

  /** Returns whether that is new. */
  see({ segment, revision, entries, isWatched }: SegmentNews, nowMs: number): boolean {
    const known = this.stateOf(segment);
    const isOlder = known.segment !== undefined && revision <= known.segment.revision;
    // Without a revision there is no trace of the key: it was purged. To give up its shards is safe even if it was not.
    const isNew = !isOlder || revision === 0;
    if (isNew) this.#noteChanges(segment, entries, nowMs);
    const isLost = isNew ? entries?.some(({ kind }) => kind === "lost") === true : known.lostMs !== undefined;
    this.#states[segment] = {
      segment: isNew ? { revision, entries } : known.segment,
      lostMs: isLost ? (known.lostMs ?? nowMs) : undefined,
      // Old news do not answer a request that is under way.
      sentMs: isWatched && !isNew ? known.sentMs : undefined,
    };
    return isNew;
  }

  #noteChanges(segment: number, entries: readonly Entry[] | undefined, nowMs: number): void {
    const first = segment * this.size;
    for (let shard = first; shard < first + this.size; shard++)
      if (!isSameEntry(this.entryOf(shard), entries?.[shard - first])) this.#changedMs[shard] = nowMs;
  }

  /** A request for the segment is under way from now on. */
  sent(segment: number, nowMs: number): void {
    this.#states[segment] = { ...this.stateOf(segment), sentMs: nowMs };
  }

  /** Everything is unknown again. */
  clear(): void {
    for (const segment of this.#states.keys()) this.#states[segment] = UNKNOWN;
  }
}
