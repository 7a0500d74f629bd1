// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../../base/mod.ts";

import { EventLogError } from "../event-log.ts";
import type { SqliteLogOptions } from "./options.ts";

export interface Checkpointed {
  walPages(): number;
  checkpoint(): void;
}

export type CheckpointSettings = Pick<SqliteLogOptions, "checkpointPages" | "maxWalPages">;

/** A moment without a commit that is long enough to count as quiet, in milliseconds. */
const QUIET_MS = 20;

/**
 * Decides when the write-ahead log is emptied into the database file (SQLite's "checkpoint"): in a quiet moment, as the
 * next batch waits for it, or at once when the log has reached its bound (I11). A failure is reported, once in a row,
 * and not thrown: the records are safe in the write-ahead log, and a later commit tries again.
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

  /** @param added most pages of the commit. The log's size is seldom read, because SQLite parses a statement for it. */
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
