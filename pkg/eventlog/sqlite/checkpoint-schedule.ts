// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";

/** What the schedule needs of the writer. */
export interface Checkpointed {
  walPages(): number;
  checkpoint(): void;
}

export interface CheckpointSettings {
  readonly checkpointPages: number;
  readonly maxWalPages: number;
}

/** A moment without a commit that is long enough to count as quiet, in milliseconds. */
const QUIET_MS = 20;

/**
 * Decides when the write-ahead log is emptied into the database file (SQLite's "checkpoint"). It prefers a quiet
 * moment, because a checkpoint makes the next batch wait. It does not wait for one once the log has reached its bound
 * (I11). A failure is reported, not thrown: the records are safe in the write-ahead log, and a later commit tries
 * again. Failures in a row are reported once.
 */
export class CheckpointSchedule {
  readonly #target: Checkpointed;
  readonly #settings: CheckpointSettings;
  readonly #clock: Clock;
  readonly #onFailure: (error: EventLogError) => void;
  #timer: Timer | undefined;
  #commits = 0;
  /** As many pages can be added before the log can reach the next of its limits. */
  #room = 0;
  #failing = false;

  constructor(
    target: Checkpointed,
    settings: CheckpointSettings,
    clock: Clock,
    onFailure: (error: EventLogError) => void,
  ) {
    this.#target = target;
    this.#settings = settings;
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /**
   * @param added how many pages the commit has added at most. The size of the log is read only if it may have reached a
   * limit, because SQLite parses the statement for that each time.
   */
  afterCommit(added = Number.POSITIVE_INFINITY): void {
    this.#commits++;
    this.#room -= added;
    if (this.#room > 0) return;
    const { checkpointPages, maxWalPages } = this.#settings;
    const pages = this.#target.walPages();
    this.#room = (pages < checkpointPages ? checkpointPages : maxWalPages) - pages;
    if (pages >= maxWalPages) this.#checkpoint();
    else if (pages >= checkpointPages) this.#awaitQuiet();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #awaitQuiet(): void {
    if (this.#timer !== undefined) return;
    const commits = this.#commits;
    this.#timer = this.#clock.schedule(QUIET_MS, () => {
      this.#timer = undefined;
      if (this.#commits === commits) this.#checkpoint();
      else this.#awaitQuiet();
    });
  }

  #checkpoint(): void {
    this.stop();
    this.#room = 0;
    try {
      this.#target.checkpoint();
      this.#failing = false;
    } catch (thrown) {
      if (!(thrown instanceof EventLogError)) throw thrown;
      if (!this.#failing) this.#onFailure(thrown);
      this.#failing = true;
    }
  }
}
