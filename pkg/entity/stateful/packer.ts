// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger } from "../../base/mod.ts";
import { BoundedQueue, describeError, sleep } from "../../base/mod.ts";
import type { EntityKey, EventLog } from "../../eventlog/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";

import type { EntityOptions } from "../settings.ts";

type PackerOptions = Pick<EntityOptions, "maxPacks" | "maxPendingPacks" | "packTimeoutMs">;

/**
 * Tells the log to pack the histories of entities that have left memory. It works in the background and no command
 * waits for it, because a pack only saves time later.
 *
 * 1. At most `maxPacks` are under way and `maxPendingPacks` wait (I11). Further ones are not packed.
 * 2. `stop` packs the waiting ones for at most `packTimeoutMs`; the rest is not packed.
 */
export class Packer {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: PackerOptions;
  readonly #waiting: BoundedQueue<EntityKey>;
  readonly #working = new Set<Promise<void>>();

  constructor(log: EventLog, clock: Clock, telemetry: Telemetry, options: PackerOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#logger = telemetry.logger;
    this.#options = options;
    this.#waiting = new BoundedQueue(options.maxPendingPacks);
  }

  /** Histories that wait, and that are being packed. */
  get open(): { readonly waiting: number; readonly working: number } {
    return { waiting: this.#waiting.size, working: this.#working.size };
  }

  /** Packs the entity's history soon, or never. */
  add(entity: EntityKey): void {
    this.#waiting.push(entity);
    if (this.#working.size >= this.#options.maxPacks) return;
    const working = this.#work().finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  /** Resolves when all that waited is packed or could not be; the caller bounds the wait. */
  async settled(): Promise<void> {
    await Promise.all(this.#working);
  }

  /** Packs that are under way when the time is over continue without being awaited. */
  async stop(): Promise<void> {
    await Promise.race([this.settled(), sleep(this.#clock, this.#options.packTimeoutMs)]);
    this.#waiting.drain();
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        await this.#log.pack(next);
      } catch (thrown) {
        this.#logger.debug("history was not packed", { entity: next, error: describeError(thrown) });
      }
    }
  }
}
