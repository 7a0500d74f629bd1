// SPDX-License-Identifier: Apache-2.0

import type { ClusterEffect, ClusterInput } from "../node/mod.ts";

import type { PeerId } from "../placement.ts";
import type { BucketChange, ClusterBucket } from "./bucket.ts";

/** Effects that ask something of the bucket. */
export type BucketEffect = Extract<
  ClusterEffect,
  { kind: "join" | "renew" | "look-up" | "leave" | "evict" | "write-segment" | "read-segment" }
>;

export interface BucketDeskDependencies {
  readonly bucket: Pick<ClusterBucket, "member" | "putMember" | "putSegment" | "removeMember" | "segment">;
  readonly handle: (input: ClusterInput) => void;
  /** A change of this process was stored with this revision. */
  readonly onStored: (revision: number) => void;
  /** The bucket does not answer, or answers with a key that is older than one that it has confirmed. */
  readonly onDoubt: () => void;
}

/** The place of this member's key among the segments. */
const OWN_KEY = -1;

/**
 * Carries out what a cluster node wants of the bucket, and hands it the answers.
 *
 * 1. A request without an answer gives no input: the node asks again, or looks the key up, when its time is over.
 * 2. Answers of a bucket that was replaced since (`reset`) give no input: their revisions mean nothing any more.
 * 3. A read that finds an older key than this process knows counts as no answer. It comes from a server that lags
 *    behind, or the bucket was put back to an older state, which whoever hears `onDoubt` finds out.
 */
export class BucketDesk {
  readonly #dependencies: BucketDeskDependencies;
  /** Of each segment, and of this member's own key, the newest revision that was stored or seen. */
  readonly #known = new Map<number, number>();
  #generation = 0;

  constructor(dependencies: BucketDeskDependencies) {
    this.#dependencies = dependencies;
  }

  /** The bucket is another one. */
  reset(): void {
    this.#generation++;
    this.#known.clear();
  }

  /** What the watch shows, for the node. */
  inputOf(change: BucketChange): ClusterInput {
    const { revision } = change;
    if (change.kind === "segment") {
      const { segment, entries } = change;
      this.#know(segment, revision);
      return { kind: "segment-seen", segment, revision, entries, isWatched: true };
    }
    const { id, info } = change;
    return info === undefined
      ? { kind: "member-gone", id, revision }
      : { kind: "member-seen", id, info, revision };
  }

  async carryOut(effect: BucketEffect): Promise<void> {
    const generation = this.#generation;
    const input = await this.#ask(effect);
    if (generation !== this.#generation) return;
    if (input === undefined) return this.#dependencies.onDoubt();
    this.#note(effect, input);
    this.#dependencies.handle(input);
  }

  #ask(effect: BucketEffect): Promise<ClusterInput | undefined> {
    switch (effect.kind) {
      case "join":
      case "renew":
        return this.#putMember(effect);
      case "look-up":
        return this.#lookUp(effect.id);
      case "leave":
        return this.#leave(effect.id, effect.revision);
      case "evict":
        return this.#evict(effect.id, effect.revision);
      case "write-segment":
        return this.#writeSegment(effect);
      case "read-segment":
        return this.#readSegment(effect.segment);
    }
  }

  async #putMember(
    effect: Extract<BucketEffect, { kind: "join" | "renew" }>,
  ): Promise<ClusterInput | undefined> {
    const { id, info } = effect;
    const expected = effect.kind === "renew" ? effect.revision : 0;
    if (effect.kind === "join") this.#known.delete(OWN_KEY);
    const written = await this.#dependencies.bucket.putMember(id, expected, info);
    if (written.kind === "stored") return { kind: "stored", id, revision: written.revision };
    return written.kind === "refused" ? { kind: "refused", id } : undefined;
  }

  async #lookUp(id: PeerId): Promise<ClusterInput | undefined> {
    const found = await this.#dependencies.bucket.member(id);
    if (found === undefined || (found.value !== undefined && this.#isOlder(OWN_KEY, found.revision)))
      return undefined;
    return { kind: "found", id, revision: found.value === undefined ? undefined : found.revision };
  }

  async #leave(id: PeerId, revision: number): Promise<ClusterInput | undefined> {
    const { bucket } = this.#dependencies;
    let written = await bucket.removeMember(id, revision);
    if (written.kind === "refused") {
      // A renewal was still under way. Nobody else writes this key, so it goes as it is.
      const found = await bucket.member(id);
      if (found !== undefined) written = await bucket.removeMember(id, found.revision);
    }
    return written.kind === "stored" ? { kind: "removed", id } : undefined;
  }

  async #evict(id: PeerId, revision: number): Promise<ClusterInput | undefined> {
    const written = await this.#dependencies.bucket.removeMember(id, revision);
    if (written.kind === "stored") return { kind: "member-gone", id, revision: undefined };
    return written.kind === "refused" ? { kind: "evict-refused", id } : undefined;
  }

  async #writeSegment({
    segment,
    expected,
    entries,
  }: Extract<BucketEffect, { kind: "write-segment" }>): Promise<ClusterInput | undefined> {
    const written = await this.#dependencies.bucket.putSegment(segment, expected, entries);
    if (written.kind === "refused") return { kind: "segment-refused", segment };
    if (written.kind !== "stored") return undefined;
    return { kind: "segment-seen", segment, revision: written.revision, entries, isWatched: false };
  }

  async #readSegment(segment: number): Promise<ClusterInput | undefined> {
    const found = await this.#dependencies.bucket.segment(segment);
    // A key without a trace was purged, which is news however old.
    if (found === undefined || (found.revision > 0 && this.#isOlder(segment, found.revision)))
      return undefined;
    return {
      kind: "segment-seen",
      segment,
      revision: found.revision,
      entries: found.value,
      isWatched: false,
    };
  }

  #note({ kind }: BucketEffect, input: ClusterInput): void {
    if (input.kind === "segment-seen" && kind === "write-segment") this.#know(input.segment, input.revision);
    else if (input.kind === "stored") this.#know(OWN_KEY, input.revision);
    else return;
    this.#dependencies.onStored(input.revision);
  }

  #know(key: number, revision: number): void {
    this.#known.set(key, Math.max(revision, this.#known.get(key) ?? 0));
  }

  #isOlder(key: number, revision: number): boolean {
    if (revision >= (this.#known.get(key) ?? 0)) return false;
    return true;
  }
}
