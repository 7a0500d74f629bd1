// SPDX-License-Identifier: Apache-2.0

import { getOrMake } from "../../base/mod.ts";

import type { PeerId } from "../placement.ts";
import type { Member } from "./member.ts";

/** The members of one revision, and its part of the traffic relative to the others. */
export interface Group {
  readonly revision: string;
  readonly share: number;
  readonly members: readonly Member[];
}

/**
 * Groups members by revision. If members of one disagree on its share, the one with the greatest id is believed, so
 * that all who know the same members agree. Revisions without traffic own nothing, unless none has any: then all are
 * equal.
 */
export function groupsOf(members: readonly Member[]): readonly Group[] {
  const groups = new Map<string, Member[]>();
  for (const member of members) getOrMake(groups, member.info.revision, (): Member[] => []).push(member);
  const all = Array.from(groups, ([revision, of]) => ({ revision, share: shareOf(of), members: of }));
  const withTraffic = all.filter(({ share }) => share > 0);
  return withTraffic.length > 0 ? withTraffic : all.map((group) => ({ ...group, share: 1 }));
}

/** By shard, the member that should own it: one that does not leave. */
export function desiredOwners(shards: number, members: readonly Member[]): readonly (PeerId | undefined)[] {
  const groups = groupsOf(members.filter(({ info }) => !info.isLeaving));
  return Array.from({ length: shards }, (_, shard) => desiredOwner(shard, groups));
}

/**
 * The member that should own a shard, by logarithmic rendezvous hashing: first of the revisions, weighted by their
 * shares, then of the revision's members. All that know the same members agree. A shard changes its revision only if
 * shares change, and then only towards the revision whose share grew. Undefined if there is no member.
 */
export function desiredOwner(shard: number, groups: readonly Group[]): PeerId | undefined {
  const group = best(groups, ({ revision, share }) => -share / Math.log(drawOf(revision, shard)));
  return best(group?.members ?? [], ({ info: { pod } }) => drawOf(pod, shard), hasGreaterId)?.id;
}

function shareOf(members: readonly Member[]): number {
  return members.reduce((first, member) => (hasGreaterId(member, first) ? member : first)).info.share;
}

/** Decides between two incarnations of one pod, which draw the same number until the old one is gone. */
function hasGreaterId(one: Member, other: Member): boolean {
  return one.id > other.id;
}

function best<T>(
  all: readonly T[],
  scoreOf: (each: T) => number,
  wins: (one: T, other: T) => boolean = () => false,
): T | undefined {
  let found: T | undefined;
  let highest = -1;
  for (const each of all) {
    const score = scoreOf(each);
    const isBetter = score > highest || (found !== undefined && score === highest && wins(each, found));
    if (!isBetter) continue;
    found = each;
    highest = score;
  }
  return found;
}

/**
 * A number in (0, 1) that looks random: FNV-1a of the name, mixed with the shard and finished as MurmurHash3 does. For
 * assignment the name is that of the pod and not the member's id, so that a pod that joins again gets its shards back.
 */
export function drawOf(name: string, shard: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = finish(finish(hash) ^ Math.imul(shard + 1, 0x9e3779b1));
  return ((hash >>> 0) + 0.5) / 4_294_967_296;
}

function finish(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
