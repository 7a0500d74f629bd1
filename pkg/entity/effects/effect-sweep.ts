// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../../base/mod.ts";
import { describeError, getOrMake, sleep } from "../../base/mod.ts";
import type { Consumer, Consumption } from "../../consumer/mod.ts";
import { consume } from "../../consumer/mod.ts";
import type { EventLog } from "../../eventlog/mod.ts";
import { EventLogError, NO_POSITION } from "../../eventlog/mod.ts";
import { readRecord } from "../../record/mod.ts";
import type { Telemetry } from "../../telemetry/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityOptions } from "../settings.ts";
import { UndoneEffects } from "./undone-effects.ts";

export interface EffectSweepDependencies {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly options: Pick<
    EntityOptions,
    "effectSweepIntervalMs" | "effectSweepRate" | "maxEffectWakes" | "maxUndoneEntities"
  >;
  /** Whether the entity is of a shard that this proxy has taken. */
  readonly isHere: (type: string, id: string) => boolean;
  /** Brings the entity into memory, which starts its undone effects. Resolves when that is done, or cannot be. */
  readonly wake: (service: EntityService, id: string) => Promise<void>;
}

/**
 * Finds side effects that were stored and never carried out, because a proxy died or their target was unavailable for
 * long. Consumes the records of each type from a checkpoint to the end, when the user function connects and then every
 * `effectSweepIntervalMs`, and after the proxy has taken a shard.
 *
 * 1. The checkpoint of a type never passes a record with an effect that no record marks as done.
 * 2. A type has a checkpoint before its first record with an effect is stored (`announce`). Most types have no side
 *    effects. Such a type is scanned once, and only if it has records at its first sweep, as from an older proxy.
 * 3. This process keeps the consumption of each type, and the entities with undone effects, so it does not read a
 *    record twice, except for (4).
 * 4. It reads at most `effectSweepRate` records a second, wakes at most `maxEffectWakes` entities at a time, and
 *    remembers at most `maxUndoneEntities` of a partition (I11). If there are more, it reads on all the same, because
 *    only later records tell which effects are done by now. Once there is room, or another shard was taken,
 *    it reads again from the checkpoint, which is before all that it has missed.
 * 5. It remembers undone effects of all shards, whoever owns them. So the checkpoint, which all proxies of a service
 *    share, is a fact about the log: any of them may save it, and an older one that replaces a newer one repeats work
 *    but loses nothing. An entity of a shard of another proxy is not woken here. If its shard is taken later, the sweep
 *    that follows (`again`) wakes it, without reading its record once more.
 */
export class EffectSweep {
  readonly #dependencies: EffectSweepDependencies;
  readonly #scans = new Map<string, Scan>();
  /** Types with a checkpoint, and those that are getting one. */
  readonly #announced = new Set<string>();
  readonly #announcing = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #serving = new AbortController();
  #sweeping = Promise.resolve();
  /** A shard was taken since the last sweep began. */
  #hasTaken = false;
  /** Ends the pause before the next sweep. */
  #pause = new AbortController();

  constructor(dependencies: EffectSweepDependencies) {
    this.#dependencies = dependencies;
  }

  /** Sets the services of the user function that has connected; none after it has gone. */
  serve(services: readonly EntityService[]): void {
    this.#serving.abort();
    this.#serving = new AbortController();
    const signal = AbortSignal.any([this.#serving.signal, this.#stopping.signal]);
    // One service for each persistence id is enough, because any of them can wake the entities.
    const byType = new Map(services.map((service) => [service.persistenceId, service]));
    this.#sweeping = this.#sweeping.then(() => this.#sweepAll(byType, signal));
  }

  /**
   * Saves the type's checkpoint if it has none. The caller awaits the promise before it stores a record with effects;
   * undefined: it may store the record at once. @throws EventLogError in the promise.
   */
  announce(type: string): Promise<void> | undefined {
    if (this.#announced.has(type)) return undefined;
    const announce = () => this.#announce(type).finally(() => this.#announcing.delete(type));
    return getOrMake(this.#announcing, type, announce);
  }

  /** Sweeps once more, `TAKE_MS` after this or after the end of the sweep that is under way. */
  again(): void {
    this.#hasTaken = true;
    this.#pause.abort();
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Keeps (2). */
  async #announce(type: string): Promise<void> {
    const { log } = this.#dependencies;
    const name = checkpointName(type);
    if ((await log.readCheckpoint(name)) === undefined) {
      // A type that was scanned has no effects so far, so its checkpoint is its end. Otherwise it is its beginning.
      const wasScanned = (await log.readCheckpoint(scannedName(type))) !== undefined;
      const ends = await Promise.all(
        Array.from({ length: log.partitions }, async (_, partition) =>
          wasScanned ? log.lastPosition(type, partition) : NO_POSITION,
        ),
      );
      // Another proxy may have saved one by now, and then stored effects before these ends.
      if (!wasScanned || (await log.readCheckpoint(name)) === undefined) await log.saveCheckpoint(name, ends);
    }
    this.#announced.add(type);
  }

  /** Sweeps again and again until the signal aborts. Never rejects. */
  async #sweepAll(services: ReadonlyMap<string, EntityService>, signal: AbortSignal): Promise<void> {
    const { clock, telemetry, options } = this.#dependencies;
    while (services.size > 0 && !signal.aborted) {
      this.#pause = new AbortController();
      const hasTaken = this.#hasTaken;
      this.#hasTaken = false;
      let nextMs = options.effectSweepIntervalMs;
      for (const [type, service] of services) {
        try {
          await this.#sweep(type, service, hasTaken, signal);
        } catch (thrown) {
          if (signal.aborted) return;
          if (thrown instanceof EventLogError && thrown.code === "LOG_UNAVAILABLE")
            nextMs = Math.min(nextMs, RETRY_MS);
          telemetry.logger.warn("side effects could not be looked for", {
            type,
            error: describeError(thrown),
          });
        }
      }
      const pause = this.#pause.signal;
      await sleep(clock, nextMs, AbortSignal.any([signal, pause]));
      if (pause.aborted) await sleep(clock, TAKE_MS, signal);
    }
  }

  async #sweep(type: string, service: EntityService, hasTaken: boolean, signal: AbortSignal): Promise<void> {
    const { log, isHere, wake, options } = this.#dependencies;
    const scan = await this.#caughtUp(type, hasTaken, signal);
    if (scan === undefined) return;
    const ids = scan.undone.flatMap((each) => [...each.ids]).filter((id) => isHere(type, id)); // (5)
    const waking = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined && !signal.aborted; id = ids.pop()) await wake(service, id);
    };
    await Promise.all(Array.from({ length: options.maxEffectWakes }, waking));
    if (this.#announced.has(type) || signal.aborted) return;
    await log.saveCheckpoint(scannedName(type), []);
    // The next sweep looks for a checkpoint again, because another process may store the type's first effects.
    this.#scans.delete(type);
  }

  /** Reads all records of a type. Undefined: the type was scanned before and has no effects. */
  async #caughtUp(type: string, hasTaken: boolean, signal: AbortSignal): Promise<Scan | undefined> {
    const known = this.#scans.get(type);
    let scan = known ?? (await this.#begin(type));
    await scan?.records.catchUp(signal);
    const mayHaveOthers = known !== undefined && hasTaken;
    if (scan?.undone.some(({ hasMissed, hasRoom }) => hasMissed && (hasRoom || mayHaveOthers)) === true) {
      scan = await this.#begin(type); // (4)
      await scan?.records.catchUp(signal);
    }
    if (scan?.undone.some(({ hasMissed }) => hasMissed) === true)
      this.#dependencies.telemetry.logger.warn("too many entities have undone side effects to remember all", {
        type,
      });
    return scan;
  }

  /** Undefined: the type was scanned before and has no effects. */
  async #begin(type: string): Promise<Scan | undefined> {
    const { log, clock, telemetry, options, isHere } = this.#dependencies;
    const name = checkpointName(type);
    if ((await log.readCheckpoint(name)) !== undefined) this.#announced.add(type);
    else if ((await log.readCheckpoint(scannedName(type))) !== undefined) return undefined;
    const own = { maxEntities: options.maxUndoneEntities, isHere: (id: string) => isHere(type, id) };
    const undone = Array.from({ length: log.partitions }, () => new UndoneEffects(own));
    const consumer: Consumer = {
      name,
      type,
      maxRecordsPerSecond: options.effectSweepRate,
      maxOpenBytes: 1,
      // A record that cannot be read is skipped, so that it affects only its own entity (I12).
      isPoison: () => true,
      // (1) An effect may be done long after its record was read.
      checkpoint: (partition, settled) =>
        this.#announced.has(type) ? undone[partition]?.checkpoint(settled) : undefined,
      clock,
      telemetry,
    };
    const records = consume(log, consumer, (record, partition) => {
      if (undone[partition]?.add(record.id, record.position, readRecord(record))) this.#announced.add(type);
    });
    const scan = { records, undone };
    this.#scans.set(type, scan);
    return scan;
  }
}

interface Scan {
  readonly records: Consumption;
  readonly undone: readonly UndoneEffects[];
}

/** Time until the next sweep if the log was unavailable in this one, in milliseconds. */
const RETRY_MS = 5_000;

/** Shards come in numbers, so one sweep is for all those that are taken within so many milliseconds. */
const TAKE_MS = 1_000;

function checkpointName(type: string): string {
  return `effects/${type}`;
}

/** Name of a checkpoint which says that the type was read to its end once, and has no effects. */
function scannedName(type: string): string {
  return `effects-none/${type}`;
}
