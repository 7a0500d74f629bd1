// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Timer } from "../base/mod.ts";

import type { LogHealth } from "./event-log.ts";

/** Pause between two lines: doubles after each, and is `first` again after `most` without a change. */
const PAUSE_MS = { first: 1_000, most: 60_000 } as const;

/**
 * Writes to the proxy's log (not the event log) when appends would begin to fail and when they would work again.
 *
 * 1. The same state is written once. Another error code is another state; another error text is not.
 * 2. After each line there is a pause, which doubles while changes keep coming. At its end the current state is
 *    written with the number of changes, if it differs from the last line. So a log that fails and recovers all the
 *    time does not fill the disk.
 */
export class HealthReport {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #said = "usable";
  #current: LogHealth = { kind: "usable" };
  #changes = 0;
  #lastChangeMs = Number.NEGATIVE_INFINITY;
  #pauseMs: number = PAUSE_MS.first;
  #nextLineMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  tell(health: LogHealth): void {
    const isChange = nameOf(health) !== nameOf(this.#current);
    this.#current = health;
    if (!isChange) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastChangeMs >= PAUSE_MS.most) this.#pauseMs = PAUSE_MS.first;
    this.#lastChangeMs = nowMs;
    this.#changes++;
    if (this.#timer !== undefined) return;
    if (nowMs >= this.#nextLineMs) return this.#say();
    this.#timer = this.#clock.schedule(this.#nextLineMs - nowMs, () => {
      this.#timer = undefined;
      this.#say();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #say(): void {
    const health = this.#current;
    if (nameOf(health) === this.#said) return;
    this.#said = nameOf(health);
    this.#nextLineMs = this.#clock.monotonicMs() + this.#pauseMs;
    this.#pauseMs = Math.min(PAUSE_MS.most, 2 * this.#pauseMs);
    const changes = this.#changes;
    this.#changes = 0;
    if (health.kind === "usable")
      return this.#logger.info("event log: appends would work again", { changes });
    const { code, message } = health.error;
    const fields = { code, error: message, changes };
    if (health.kind === "partly") this.#logger.warn("event log: some appends would fail", fields);
    else this.#logger.error("event log: appends would fail", fields);
  }
}

function nameOf(health: LogHealth): string {
  return health.kind === "usable" ? health.kind : `${health.kind} ${health.error.code}`;
}
