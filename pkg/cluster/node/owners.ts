// SPDX-License-Identifier: Apache-2.0

import { assert } from "../../base/mod.ts";

import type { PeerId } from "../placement.ts";

/** Who owns a shard, as the bucket says. Its epoch grows by one with each change of the owner. */
export type Entry =
  | { readonly kind: "free"; readonly epoch: number }
  | { readonly kind: "owned"; readonly epoch: number; readonly owner: PeerId; readonly leaseMs: number }
  /** Nothing is known of former owners: it is the first start ever, or somebody wiped the bucket. */
  | { readonly kind: "lost" };

/** Whether nothing has changed between two entries of one shard; undefined: nothing is known of it. */
export function isSameEntry(one: Entry | undefined, other: Entry | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.kind === "lost" || other.kind === "lost") return one.kind === other.kind;
  return one.epoch === other.epoch && ownerOf(one) === ownerOf(other);
}

function ownerOf(entry: Entry): PeerId | undefined {
  return entry.kind === "owned" ? entry.owner : undefined;
}

/** The entries of adjacent shards, which are one key of the bucket and written together. */
export interface Segment {
  /** Revision of the key; 0: it was never there. A next write expects it. */
  readonly revision: number;
  /** In the order of their shards; undefined: the key is not there. */
  readonly entries: readonly Entry[] | undefined;
}

/** A member that an entry may name, and how long its leases are. */
export interface Claimant {
  readonly id: PeerId;
  readonly leaseMs: number;
}

/** What the owner of a plan knows and wants. */
export interface Wishes {
  readonly self: Claimant;
  /** Whether this member should own the shard, of the segment's shards. */
  readonly wants: (index: number) => boolean;
  /** Whether this member has finished with the shard and gives it up. */
  readonly isReleasing: (index: number) => boolean;
  /** The live member that should own the shard instead of this one; undefined: the shard becomes free. */
  readonly heirOf: (index: number) => Claimant | undefined;
  /** Whether the lease of an owner is over for certain (`isOver` of `peer.ts`). */
  readonly isOver: (owner: PeerId, leaseMs: number) => boolean;
  /** Whether the leases of all that may have owned shards before the entries were lost are over for certain. */
  readonly isEveryoneOver: boolean;
}

/**
 * Whether this member may take a shard: it is free, or its owner's lease is over for certain. That is a matter of
 * safety; whether it should is decided by `desiredOwner`.
 */
export function mayTake(entry: Entry, { isOver, isEveryoneOver }: Wishes): boolean {
  switch (entry.kind) {
    case "free":
      return true;
    case "owned":
      return isOver(entry.owner, entry.leaseMs);
    case "lost":
      return isEveryoneOver;
  }
}

/**
 * What this member writes into a segment, on condition of its revision: the shards that it takes and those that it
 * gives up, in one write. It names the next owner of these itself, so that they need no second write, for which that
 * owner would have to compete with others. Undefined if it has nothing to write. A segment that is not there is filled
 * in first, so that everybody knows that its entries are lost.
 *
 * @param size how many shards a segment has
 */
export function planSegment(
  { entries }: Segment,
  size: number,
  wishes: Wishes,
): readonly Entry[] | undefined {
  if (entries === undefined) return Array.from({ length: size }, () => LOST);
  assert(entries.length === size, "all segments have the same size");
  const planned = entries.map((entry, index) => planEntry(entry, index, wishes));
  return planned.some((entry, index) => entry !== entries[index]) ? planned : undefined;
}

const LOST: Entry = { kind: "lost" };

function planEntry(entry: Entry, index: number, wishes: Wishes): Entry {
  const { self, wants, isReleasing, heirOf } = wishes;
  const epoch = entry.kind === "lost" ? 0 : entry.epoch;
  const isOwn = entry.kind === "owned" && entry.owner === self.id;
  if (isOwn && !isReleasing(index)) return entry;
  if (isOwn) return entryOf(heirOf(index), epoch + 1);
  return wants(index) && mayTake(entry, wishes) ? entryOf(self, epoch + 1) : entry;
}

function entryOf(claimant: Claimant | undefined, epoch: number): Entry {
  if (claimant === undefined) return { kind: "free", epoch };
  return { kind: "owned", epoch, owner: claimant.id, leaseMs: claimant.leaseMs };
}
