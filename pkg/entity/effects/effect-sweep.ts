// SPDX-License-Identifier: Apache-2.0

import type { Clock, Logger, Timer } from "../../base/mod.ts";
import { describeError, sleep } from "../../base/mod.ts";
import type { EventLog, Position, TailRecord } from "../../eventlog/mod.ts";
import { EventLogError, NO_POSITION } from "../../eventlog/mod.ts";
import { readRecord } from "../../record/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityOptions } from "../options.ts";
import { UndoneEffects } from "./undone-effects.ts";

export interface EffectSweepDependencies {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: Pick<
    EntityOptions,
    "effectSweepIntervalMs" | "effectSweepRate" | "maxEffectWakes" | "maxUndoneEntities"
  >;
  /** Brings the entity into memory, which starts its undone effects. Resolves when that is done, or cannot be. */
  readonly wake: (service: EntityService, id: string) => Promise<void>;
}

/**
 * Finds side effects that were stored and never carried out, because a proxy died or their target was unavailable for
 * long. Reads the records of each type from a checkpoint to the end, when the user function connects and then every
 * `effectSweepIntervalMs`.
 *
 * 1. The checkpoint of a type never passes a record with an effect that no record marks as done.
 * 2. A type has a checkpoint before its first record with an effect is stored (`announce`). Most types have no side
 *    effects. Such a type is scanned once, and only if it has records at its first sweep, as from an older proxy.
 * 3. This process does not read a record twice: it remembers the position up to which it has read, and the entities
 *    with undone effects.
 * 4. It reads at most `effectSweepRate` records a second and wakes at most `maxEffectWakes` entities at a time. It
 *    stops reading a partition in which `maxUndoneEntities` entities have undone effects (I11).
 */
export class EffectSweep {
  readonly #dependencies: EffectSweepDependencies;
  readonly #types = new Map<string, SweptType>();
  readonly #stopping = new AbortController();
  #services: readonly EntityService[] = [];
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(dependencies: EffectSweepDependencies) {
    this.#dependencies = dependencies;
  }

  /** Sets the services of the user function that has connected; none after it has gone. */
  serve(services: readonly EntityService[]): void {
    // One service for each persistence id is enough, because any of them can wake the entities.
    this.#services = [...new Map(services.map((service) => [service.persistenceId, service])).values()];
    if (services.length > 0) this.#schedule(0);
  }

  /**
   * Saves the type's checkpoint if it has none. The caller awaits the promise before it stores a record with effects;
   * undefined: it may store the record at once.
   *
   * @throws EventLogError in the promise.
   */
  announce(type: string): Promise<void> | undefined {
    const swept = this.#typeOf(type);
    if (swept.usesEffects) return undefined;
    swept.announcing ??= this.#announce(type, swept).finally(() => {
      swept.announcing = undefined;
    });
    return swept.announcing;
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  async #announce(type: string, swept: SweptType): Promise<void> {
    const { log } = this.#dependencies;
    if ((await log.readCheckpoint(checkpointName(type))) === undefined) {
      // A type that was scanned has no effects so far, so its checkpoint is its end. Otherwise it is its beginning.
      const wasLooked = (await log.readCheckpoint(lookedName(type))) !== undefined;
      const ends = partitionsOf(log).map(async (partition) =>
        wasLooked ? log.lastPosition(type, partition) : NO_POSITION,
      );
      await log.saveCheckpoint(checkpointName(type), await Promise.all(ends));
    }
    swept.usesEffects = true;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#stopping.signal.aborted) return;
    this.#timer = this.#dependencies.clock.schedule(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const before = this.#running;
    if (before !== undefined) return void before.then(() => this.#schedule(0));
    this.#running = this.#sweepAll().then((nextMs) => {
      this.#running = undefined;
      this.#schedule(nextMs);
    });
    await this.#running;
  }

  /** Gives the time until the next sweep, in milliseconds. Never rejects. */
  async #sweepAll(): Promise<number> {
    const { logger, options } = this.#dependencies;
    let nextMs = options.effectSweepIntervalMs;
    for (const service of this.#services) {
      try {
        await this.#sweep(service);
      } catch (thrown) {
        if (this.#stopping.signal.aborted) break;
        if (thrown instanceof EventLogError && thrown.code === "LOG_UNAVAILABLE")
          nextMs = Math.min(nextMs, RETRY_MS);
        const { persistenceId: type } = service;
        logger.warn("side effects could not be looked for", { type, error: describeError(thrown) });
      }
    }
    return nextMs;
  }

  async #sweep(service: EntityService): Promise<void> {
    const { persistenceId: type } = service;
    const swept = this.#typeOf(type);
    if (!(await this.#load(type, swept))) return;
    await this.#read(type, swept);
    await this.#wake(service, swept);
    await this.#save(type, swept);
  }

  /** Loads the checkpoint if it is not loaded yet. False: the type was scanned before and has no effects. */
  async #load(type: string, swept: SweptType): Promise<boolean> {
    if (swept.partitions !== undefined) return true;
    const { log } = this.#dependencies;
    const saved = await log.readCheckpoint(checkpointName(type));
    if (saved !== undefined) swept.usesEffects = true;
    else if ((await log.readCheckpoint(lookedName(type))) !== undefined) return false;
    swept.partitions = partitionsOf(log).map((partition) => ({
      position: saved?.[partition] ?? NO_POSITION,
      undone: new UndoneEffects(),
    }));
    return true;
  }

  async #read(type: string, { partitions = [] }: SweptType): Promise<void> {
    const { log, options, logger } = this.#dependencies;
    for (const [partition, place] of partitions.entries()) {
      const end = await log.lastPosition(type, partition);
      if (end < place.position) {
        logger.warn("the log was set back; side effects are looked for from its beginning", {
          type,
          partition,
        });
        place.position = NO_POSITION;
        place.undone = new UndoneEffects();
      }
      if (end === place.position) continue;
      const pace = this.#pace();
      for await (const record of log.tail(type, partition, place.position, this.#stopping.signal)) {
        this.#look(type, record, place.undone);
        place.position = record.position;
        if (record.position >= end) break;
        if (place.undone.size >= options.maxUndoneEntities) {
          logger.warn("so many entities have undone side effects that no more are looked for", {
            type,
            partition,
          });
          break;
        }
        await pace();
      }
    }
  }

  /** A record that cannot be read is logged and skipped, so that it affects only its own entity (I12). */
  #look(type: string, record: TailRecord, undone: UndoneEffects): void {
    try {
      undone.add(record.id, record.position, readRecord(record));
    } catch (thrown) {
      const { id, position } = record;
      const error = describeError(thrown);
      this.#dependencies.logger.warn("side effects of a record cannot be read", {
        type,
        id,
        position,
        error,
      });
    }
  }

  /** Gives a function to call after each record, which waits now and then so that `effectSweepRate` is not exceeded. */
  #pace(): () => Promise<void> | undefined {
    const { clock, options } = this.#dependencies;
    const startMs = clock.monotonicMs();
    let count = 0;
    return () => {
      if (++count % PACE_RECORDS !== 0) return undefined;
      const aheadMs = startMs + (1_000 * count) / options.effectSweepRate - clock.monotonicMs();
      return aheadMs > 0 ? sleep(clock, aheadMs, this.#stopping.signal) : undefined;
    };
  }

  async #wake(service: EntityService, { partitions = [] }: SweptType): Promise<void> {
    const { wake, options } = this.#dependencies;
    const ids = partitions.flatMap(({ undone }) => [...undone.ids]);
    const waking = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        if (this.#stopping.signal.aborted) return;
        await wake(service, id);
      }
    };
    await Promise.all(Array.from({ length: options.maxEffectWakes }, waking));
  }

  async #save(type: string, swept: SweptType): Promise<void> {
    const { log } = this.#dependencies;
    const { partitions = [], saved } = swept;
    swept.usesEffects ||= partitions.some(({ undone }) => undone.areThere);
    if (swept.usesEffects) {
      const positions = partitions.map(({ position, undone }) => undone.checkpoint(position));
      if (positions.join() === saved?.join()) return;
      await log.saveCheckpoint(checkpointName(type), positions);
      swept.saved = positions;
    } else {
      await log.saveCheckpoint(lookedName(type), []);
      // The next sweep looks for a checkpoint again, because another process may store the type's first effects.
      swept.partitions = undefined;
    }
  }

  #typeOf(type: string): SweptType {
    let swept = this.#types.get(type);
    if (swept === undefined) {
      swept = { usesEffects: false, announcing: undefined, partitions: undefined, saved: undefined };
      this.#types.set(type, swept);
    }
    return swept;
  }
}

interface SweptType {
  usesEffects: boolean;
  announcing: Promise<void> | undefined;
  /** Undefined: no checkpoint is loaded. */
  partitions: Place[] | undefined;
  /** The checkpoint that was saved last. */
  saved: readonly Position[] | undefined;
}

/** The position up to which a partition was read, and the undone effects that were found. */
interface Place {
  position: Position;
  undone: UndoneEffects;
}

/** Time until the next sweep if the log was unavailable in this one, in milliseconds. */
const RETRY_MS = 5_000;

/** The pace is checked after every so many records. */
const PACE_RECORDS = 256;

function checkpointName(type: string): string {
  return `effects/${type}`;
}

/** Name of a checkpoint which says that the type was read to its end once, and has no effects. */
function lookedName(type: string): string {
  return `effects-none/${type}`;
}

function partitionsOf(log: EventLog): number[] {
  return Array.from({ length: log.partitions }, (_, partition) => partition);
}
