// SPDX-License-Identifier: Apache-2.0

import type { PeerId } from "../../pkg/cluster/mod.ts";
import type { Entry, MemberInfo } from "../../pkg/cluster/node/mod.ts";

/** One change, as the watch shows it. */
export type Change =
  | {
      readonly kind: "member";
      readonly id: PeerId;
      readonly info: MemberInfo | undefined;
      readonly revision: number;
    }
  | {
      readonly kind: "segment";
      readonly segment: number;
      readonly entries: readonly Entry[] | undefined;
      readonly revision: number;
    };

interface Member {
  readonly info: MemberInfo;
  readonly revision: number;
  readonly storedMs: number;
}

interface Segment {
  readonly entries: readonly Entry[] | undefined;
  readonly revision: number;
}

const ABSENT: Segment = { entries: undefined, revision: 0 };

/** The first revision of the first bucket. Each new one begins far below, so that no two have the same. */
const FIRST_REVISION = 1_000_000_000;
const REVISIONS = 1_000_000;

/** A model of the bucket: conditional writes that are decided one after the other, keys that expire, a watch. */
export class Bucket {
  readonly changes: Change[] = [];
  /** How often it was replaced. */
  generation = 0;
  readonly #members = new Map<PeerId, Member>();
  /** Keys that were deleted, and of which the watch has shown that. */
  readonly #marked = new Set<PeerId>();
  readonly #segments = new Map<number, Segment>();
  readonly #ttlMs: number;
  #revision = FIRST_REVISION;

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /** Undefined: refused. */
  putMember(id: PeerId, expected: number, info: MemberInfo, nowMs: number): number | undefined {
    if ((this.#members.get(id)?.revision ?? 0) !== expected) return undefined;
    const revision = ++this.#revision;
    this.#members.set(id, { info, revision, storedMs: nowMs });
    this.changes.push({ kind: "member", id, info, revision });
    return revision;
  }

  /** The members that have keys, and the newest revision. */
  list(): { readonly members: ReadonlySet<PeerId>; readonly revision: number } {
    return { members: new Set(this.#members.keys()), revision: this.#revision };
  }

  revisionOf(id: PeerId): number | undefined {
    return this.#members.get(id)?.revision;
  }

  /** True: the key is gone now, or was before. */
  deleteMember(id: PeerId, expected: number): boolean {
    const member = this.#members.get(id);
    if (member !== undefined && member.revision !== expected) return false;
    if (member !== undefined || !this.#marked.has(id)) this.#remove(id);
    return true;
  }

  /** Undefined: refused. */
  putSegment(segment: number, expected: number, entries: readonly Entry[]): number | undefined {
    if (this.segment(segment).revision !== expected) return undefined;
    const revision = ++this.#revision;
    this.#segments.set(segment, { entries, revision });
    this.changes.push({ kind: "segment", segment, entries, revision });
    return revision;
  }

  segment(segment: number): Segment {
    return this.#segments.get(segment) ?? ABSENT;
  }

  /** Drops keys that nobody renewed, by the server's clock. */
  expire(nowMs: number): void {
    for (const [id, { storedMs }] of this.#members) if (nowMs - storedMs >= this.#ttlMs) this.#remove(id);
  }

  /** Somebody deletes a segment by hand: with a marker that the watch shows, or without a trace. */
  wipe(segment: number, isTraced: boolean): void {
    if (!isTraced) {
      this.#segments.delete(segment);
      return;
    }
    const revision = ++this.#revision;
    this.#segments.set(segment, { entries: undefined, revision });
    this.changes.push({ kind: "segment", segment, entries: undefined, revision });
  }

  /** Somebody deletes all keys by hand, without a trace. */
  purge(): void {
    this.#members.clear();
    this.#marked.clear();
    this.#segments.clear();
  }

  /** Somebody deletes it, and it is made anew. */
  replace(): void {
    this.changes.length = 0;
    this.purge();
    this.#revision = FIRST_REVISION - ++this.generation * REVISIONS;
  }

  #remove(id: PeerId): void {
    this.#members.delete(id);
    this.#marked.add(id);
    this.changes.push({ kind: "member", id, info: undefined, revision: ++this.#revision });
  }
}
