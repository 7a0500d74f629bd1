// SPDX-License-Identifier: Apache-2.0

import { Account, assert, ExpiryList, ExpiryQueue, onceForEach, Semaphore, shardOf } from "../../base/mod.ts";
import type { ShardHost } from "../../cluster/mod.ts";
import type { ClientStream } from "../../grpc/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import type { EntityCommand } from "../command.ts";
import { EffectSweep } from "../effects/effect-sweep.ts";
import { EffectBook } from "../effects/entity-effects.ts";
import { EntityInstruments } from "../instruments.ts";
import { ENTITY_METRICS } from "../metrics.ts";
import type { Outcome } from "../outcome.ts";
import type { ActiveEntity, EntityContext, EntityRuntimeDependencies } from "./context.ts";
import type { EntitiesReport } from "./entities-report.ts";
import { entitiesReport } from "./entities-report.ts";
import { entityError, shardReleased } from "./entity-error.ts";
import type { EntityProtocol } from "./entity-protocol.ts";
import { EntityTable } from "./entity-table.ts";
import { EVENT_SOURCED } from "./event-sourced.ts";
import { Packer } from "./packer.ts";
import { SnapshotUse } from "./snapshot-use.ts";
import { StatefulEntity } from "./stateful-entity.ts";
import { VALUE } from "./value.ts";

/** The kinds of entities, as discovery and the runtime see them. */
export const ENTITY_KINDS: readonly EntityProtocol[] = [EVENT_SOURCED, VALUE];

export interface RuntimeReport extends EntitiesReport {
  /** The memory of all entities and their side effects. */
  readonly bytes: number;
  /** Entities whose histories are being read, or wait for that. */
  readonly activations: Work;
  /** Histories of entities that have left memory, which the log packs. */
  readonly packs: Work;
}

interface Work {
  readonly waiting: number;
  readonly working: number;
}

const PROTOCOLS: ReadonlyMap<string, EntityProtocol> = new Map(ENTITY_KINDS.map((kind) => [kind.name, kind]));

/**
 * All entities with state, of every kind, in the memory of one proxy.
 *
 * 1. An entity is identified by its persistence id and its entity id, and is in memory at most once. While it is in
 *    memory, all its commands go to this one instance, from every service with this persistence id.
 * 2. An entity that is idle for its passivation time-out leaves, and so does the one idle longest when a new one
 *    would exceed `maxActiveEntities`, `maxEntityBytes` or the streams that the user function takes (I11). While a
 *    caller waits for a stream, every entity that becomes idle leaves.
 * 3. After `passivateAll`, until `resume`, each entity leaves as soon as its waiting commands are done. New commands
 *    are still accepted.
 * 4. After `stop` entities leave in the same way, and new commands are refused.
 * 5. An entity belongs to one shard. Only entities of shards that the proxy has taken get commands and are woken. Those
 *    of a released shard leave as soon as they are idle, those of a dropped one at once (`ShardHost`).
 */
export class EntityRuntime implements ShardHost {
  /** The memory of all entities and their side effects, in bytes. */
  readonly #memory: Account;
  readonly #context: EntityContext;
  readonly #sweep: EffectSweep;
  readonly #entities: EntityTable;
  /** Idle entities by the length of their passivation time-out. */
  readonly #idle = new Map<number, ExpiryList<ActiveEntity>>();
  /** Entities leave as soon as they are idle. */
  #leaving = false;
  #stopping = false;
  /** Called as soon as no entity is in memory. */
  readonly #onEmpty: (() => void)[] = [];

  constructor(dependencies: EntityRuntimeDependencies) {
    const { clock, options } = dependencies;
    const { meter } = dependencies.telemetry;
    const retiring = new ExpiryQueue<ClientStream>(clock, options.streamEndTimeoutMs, (stream) =>
      stream.cancel(),
    );
    this.#memory = new Account(options.maxEntityBytes);
    this.#entities = new EntityTable(dependencies.firstShards ?? "all");
    let { startTrace } = dependencies;
    this.#context = {
      ...dependencies,
      instruments: onceForEach(
        ({ kind, persistenceId }) => new EntityInstruments(meter, { kind, type: persistenceId }),
      ),
      activations: new Semaphore(options.maxActivations),
      takeStartTrace: () => {
        const taken = startTrace;
        startTrace = undefined;
        return taken;
      },
      packer: new Packer(dependencies.log, clock, dependencies.telemetry, options),
      snapshots: new SnapshotUse(dependencies),
      announceEffects: (type) => this.#sweep.announce(type),
      effects: new EffectBook(dependencies.carryOut, options.maxActiveEntities, this.#memory),
      marks: new ExpiryQueue(clock, options.effectMarkDelayMs, (entity) => entity.markEffects()),
      relayTimeouts: new ExpiryList(clock, options.relayTimeoutMs, (entity) => entity.relayTimedOut()),
      onIdle: (entity) => this.#onIdle(entity),
      onBusy: (entity) => this.#idleList(entity.service).forget(entity.idle),
      onGone: (entity) => this.#onGone(entity),
      retire: (stream) => retiring.touch(stream),
      retired: (stream) => retiring.forget(stream),
    };
    this.#sweep = new EffectSweep({
      ...dependencies,
      isHere: (type, id) => this.#entities.isTaken(shardOf(type, id)),
      wake: (service, id) => this.#wake(service, id),
    });
    meter.observe(ENTITY_METRICS.inMemory, () => [{ labels: {}, value: this.active }]);
    meter.observe(ENTITY_METRICS.memory, () => [{ labels: {}, value: this.#memory.used }]);
  }

  /** Entities in memory. */
  get active(): number {
    return this.#entities.size;
  }

  /** What the entities do now. Looks at each of them. */
  report(): RuntimeReport {
    const { activations, packer, clock } = this.#context;
    return {
      ...entitiesReport(
        this.#entities.all().map(({ now }) => now),
        clock.monotonicMs(),
      ),
      bytes: this.#memory.used,
      activations: { waiting: activations.waiting, working: activations.working },
      packs: packer.open,
    };
  }

  /** Carries a command out. @throws StatusError, and nothing else. */
  dispatch(command: EntityCommand): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const entity = this.#entityOf(command.method.service, command.entityId, command.shard);
      if (entity instanceof StatusError) return reject(entity);
      const arrivedMs = this.#context.clock.monotonicMs();
      entity.deliver({ command, arrivedMs, abandoned: false, conflicts: 0, resolve, reject });
    });
  }

  /** Sets what the user function serves, nothing while it is not connected, and sweeps for undone side effects. */
  serve(services: readonly EntityService[]): void {
    this.#sweep.serve(services);
  }

  /**
   * Passivates all entities. Resolves when no entity was in memory for a moment, and the histories of those that had
   * left by then are packed. The caller bounds the wait.
   */
  async passivateAll(): Promise<void> {
    await this.#empty();
    await this.#context.packer.settled();
  }

  take(shard: number): void {
    this.#entities.take(shard);
    this.#sweep.again();
  }

  drop(shard: number): void {
    this.#entities.giveUp(shard);
    for (const entity of this.#entities.all(shard)) entity.drop();
  }

  async release(shard: number): Promise<void> {
    this.#entities.giveUp(shard);
    for (const entity of this.#entities.all(shard)) entity.passivate();
    await this.#entities.untilEmpty(shard);
    await this.#context.packer.shardSettled(shard);
  }

  /** Asks the entity that is idle longest to leave, because its place or stream is needed. False: none is idle. */
  makeRoom(): boolean {
    for (const { oldest } of this.#idle.values()) {
      if (oldest === undefined) continue;
      oldest.passivate();
      return true;
    }
    return false;
  }

  /** Keeps idle entities in memory again. */
  resume(): void {
    this.#leaving = this.#stopping;
  }

  /**
   * Lets every entity finish its commands and leave memory. Resolves when all have left, and their histories are
   * packed or `packTimeoutMs` is over. The caller bounds the wait.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#sweep.stop();
    await this.#empty();
    await this.#context.packer.stop();
  }

  #empty(): Promise<void> {
    this.#leaving = true;
    if (this.active === 0) return Promise.resolve();
    for (const entity of this.#entities.all()) entity.passivate();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #wake(service: EntityService, id: string): Promise<void> {
    return new Promise((resolve) => {
      // The next sweep finds an entity that is not woken now.
      const entity = this.#leaving
        ? undefined
        : this.#entityOf(service, id, shardOf(service.persistenceId, id));
      if (entity instanceof StatefulEntity) entity.carryOutEffects(resolve);
      else resolve();
    });
  }

  #entityOf(service: EntityService, entityId: string, shard: number): StatefulEntity | StatusError {
    if (this.#stopping)
      return entityError(Status.UNAVAILABLE, "PROXY_STOPPING", "the proxy is stopping; try again");
    if (!this.#entities.isTaken(shard)) return shardReleased(shard);
    const found = this.#entities.find(shard, service.persistenceId, entityId);
    if (found !== undefined) return found;
    const protocol = PROTOCOLS.get(service.kind);
    assert(protocol !== undefined, "its kind is one of entities");
    // If only streams are short, the new entity waits for one (`withRoom`), even if no entity is idle yet.
    if (this.#isCrowded()) this.makeRoom();
    if (this.#isFull() && !this.makeRoom()) {
      const text = `all ${this.active} entities in memory are busy; try again later`;
      return entityError(Status.RESOURCE_EXHAUSTED, "TOO_MANY_ENTITIES", text);
    }
    const entity = new StatefulEntity(this.#context, protocol, service, { id: entityId, shard });
    this.#entities.add(entity);
    return entity;
  }

  #isFull(): boolean {
    return this.active >= this.#context.options.maxActiveEntities || this.#memory.available <= 0;
  }

  /** Each entity in memory holds a stream, and those that leave hold theirs until the user function has ended it. */
  #isCrowded(): boolean {
    return this.active >= Math.ceil(this.#context.streams.maxStreams * 0.9);
  }

  /** Evicts an entity if the entities have grown beyond `maxEntityBytes` since they came into memory. */
  #shrink(): void {
    if (this.#memory.available < 0) this.makeRoom();
  }

  #onIdle(entity: ActiveEntity): void {
    const mustLeave = this.#leaving || !this.#entities.isTaken(entity.shard);
    if (mustLeave || this.#context.streams.isCrowded) entity.passivate();
    else this.#idleList(entity.service).touch(entity.idle);
    this.#shrink();
  }

  #onGone(entity: ActiveEntity): void {
    this.#idleList(entity.service).forget(entity.idle);
    this.#entities.delete(entity);
    if (this.active > 0) return this.#shrink();
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  #idleList(service: EntityService): ExpiryList<ActiveEntity> {
    const timeoutMs = service.passivationTimeoutMs ?? this.#context.options.passivationTimeoutMs;
    let list = this.#idle.get(timeoutMs);
    if (list === undefined) {
      list = new ExpiryList(this.#context.clock, timeoutMs, (entity) => entity.passivate());
      this.#idle.set(timeoutMs, list);
    }
    return list;
  }
}
