// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { describeError, sleep } from "../../base/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { PeerId } from "../placement.ts";
import type { BucketChange, BucketState, ClusterBucket } from "./bucket.ts";

export interface BucketWatchDependencies {
  readonly bucket: Pick<ClusterBucket, "prepare" | "watch">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly onChange: (change: BucketChange) => void;
  /** All keys that there are have been shown, up to this revision: those of these members, and no others. */
  readonly onListed: (members: ReadonlySet<PeerId>, revision: number) => void;
  /** The bucket is another one than before. Changes that come after this call are those of the new one. */
  readonly onReset: () => void;
}

/** What one watch has shown, and since when. */
interface Shown {
  readonly members: Set<PeerId>;
  revision: number;
  sinceMs: number | undefined;
}

function nothingShown(): Shown {
  return { members: new Set(), revision: 0, sinceMs: undefined };
}

/** The next try does not begin earlier than so long after the last. */
const RETRY_MS = 250;

/** A watch that does not show for so long what this process has stored is dead; one that has not begun has longer. */
const SHOWN_AFTER_MS = 1_000;
const BEGUN_AFTER_MS = 5_000;

/**
 * Watches a bucket for as long as the process lives.
 *
 * 1. Changes come in order of revision. After each new start all keys come again, as they are then. It is told when all
 *    have come, because the marks of deleted keys stay for a minute only: a key that does not come may be gone.
 * 2. The watch starts anew when the server ends it, when somebody is suspicious (`suspect`: the connection was lost,
 *    nobody took a request, this member was fenced), and when it does not show what this process has stored. So a
 *    watch that broke unnoticed costs about a second, and an idle one no message.
 * 3. Each start looks at the stream first, makes it if it was deleted, and tells if it is another one than before: it
 *    was made at another time, or it ends before a change that was seen.
 */
export class BucketWatch {
  readonly #dependencies: BucketWatchDependencies;
  readonly #closing = new AbortController();
  /** Aborts the watch that is running or being started. */
  #attempt = new AbortController();
  #madeAt: string | undefined;
  #seenRevision = 0;
  /** The last try failed, which was logged. */
  #hasFailed = false;
  /** What the watch that is running has shown. */
  #shown = nothingShown();
  /** The first stored change that the watch has not shown. */
  #owed: { readonly revision: number; readonly sinceMs: number } | undefined;

  constructor(dependencies: BucketWatchDependencies) {
    this.#dependencies = dependencies;
    void this.#run();
  }

  /** Starts the watch anew, and looks at the stream. */
  suspect(): void {
    this.#attempt.abort();
  }

  /** This process has stored a change. */
  stored(revision: number): void {
    if (this.#owed !== undefined || revision <= this.#seenRevision) return;
    this.#owed = { revision, sinceMs: this.#dependencies.clock.monotonicMs() };
  }

  /** To be called about as often as it matters (2). */
  check(): void {
    if (this.#owed === undefined) return;
    const { sinceMs } = this.#shown;
    const waitedMs = this.#dependencies.clock.monotonicMs() - Math.max(this.#owed.sinceMs, sinceMs ?? 0);
    if (waitedMs < (sinceMs === undefined ? BEGUN_AFTER_MS : SHOWN_AFTER_MS)) return;
    this.#owed = undefined;
    this.suspect();
  }

  close(): void {
    this.#closing.abort();
    this.#attempt.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#dependencies;
    while (!this.#closing.signal.aborted) {
      this.#attempt = new AbortController();
      this.#shown = nothingShown();
      const startMs = clock.monotonicMs();
      await this.#watchOnce(this.#attempt.signal);
      const restMs = startMs + RETRY_MS - clock.monotonicMs();
      if (restMs > 0) await sleep(clock, restMs, this.#closing.signal);
    }
  }

  async #watchOnce(signal: AbortSignal): Promise<void> {
    const { bucket, telemetry } = this.#dependencies;
    try {
      this.#compare(await bucket.prepare());
      if (signal.aborted) return;
      const onChange = (change: BucketChange): void => this.#show(change, signal);
      await bucket.watch({ onChange, onListed: () => this.#listed(signal) }, signal);
    } catch (thrown) {
      if (signal.aborted || this.#hasFailed) return;
      this.#hasFailed = true;
      telemetry.logger.warn("cluster: the members and owners in NATS cannot be watched now", {
        error: describeError(thrown),
      });
    }
  }

  #compare({ madeAt, lastRevision }: BucketState): void {
    const isAnother = this.#madeAt !== undefined && this.#madeAt !== madeAt;
    const hasGoneBack = lastRevision < this.#seenRevision;
    this.#madeAt = madeAt;
    if (!isAnother && !hasGoneBack) return;
    this.#seenRevision = 0;
    this.#owed = undefined;
    this.#dependencies.telemetry.logger.warn("cluster: the stream of members and owners is another one", {
      isAnother,
    });
    this.#dependencies.onReset();
  }

  #show(change: BucketChange, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#hasFailed = false;
    const { members } = this.#shown;
    this.#shown.revision = change.revision;
    this.#shown.sinceMs ??= this.#dependencies.clock.monotonicMs();
    if (change.kind === "member" && change.info !== undefined) members.add(change.id);
    else if (change.kind === "member") members.delete(change.id);
    this.#seenRevision = Math.max(this.#seenRevision, change.revision);
    if (this.#owed !== undefined && this.#seenRevision >= this.#owed.revision) this.#owed = undefined;
    this.#dependencies.onChange(change);
  }

  #listed(signal: AbortSignal): void {
    const { members, revision } = this.#shown;
    if (!signal.aborted) this.#dependencies.onListed(members, revision);
  }
}
