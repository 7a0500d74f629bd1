// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { shardOf, sleep } from "../base/mod.ts";
import type { Owner, Placement } from "../cluster/mod.ts";
import type { Command, EntityCommand, Lineage, Outcome } from "../entity/mod.ts";
import { ENTITY_KINDS } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { EntityService, ServedService } from "../userfunction/mod.ts";
import { isEntityMethod, isEntityService, methodName } from "../userfunction/mod.ts";

import type { EntityIdRules } from "./entity-id.ts";
import { readEntityId } from "./entity-id.ts";
import type { Peers, WireCommand } from "./peers.ts";
import { routerError } from "./router-error.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

/** The entities of the shards that this proxy owns. */
export interface OwnEntities {
  dispatch(command: EntityCommand): Promise<Outcome>;
  serve(services: readonly EntityService[]): void;
}

export interface EntityServicesDependencies {
  readonly entities: OwnEntities;
  readonly placement: Placement;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly options: EntityIdRules;
}

/** How often a command may be sent from one proxy to another (ADR 24). */
const MAX_HOPS = 3;

/**
 * Carries out commands for entities of all kinds, where their shard is owned.
 *
 * 1. A command goes to the proxy that owns the shard of its entity. Exactly one proxy owns a shard at a time; if two
 *    disagree for a moment, the log's fence keeps the state right (I3).
 * 2. A command that meets a shard which moves waits for the new owner (I9).
 * 3. A command is sent from proxy to proxy at most `MAX_HOPS` times.
 */
export class EntityServices implements ServiceRuntime {
  readonly kinds = ENTITY_KINDS;
  readonly #dependencies: EntityServicesDependencies;

  constructor(dependencies: EntityServicesDependencies) {
    this.#dependencies = dependencies;
  }

  unary({ method, payload, call }: Command, lineage: Lineage): Promise<Outcome> {
    const { entities, placement, options } = this.#dependencies;
    if (!isEntityMethod(method))
      throw routerError(Status.INTERNAL, "INTERNAL", `${methodName(method)} is for no entity`);
    const entityId = readEntityId(method, payload, options);
    const shard = shardOf(method.service.persistenceId, entityId);
    const owner = placement.ownerOf(shard);
    const own = { method, entityId, shard, payload, lineage, call };
    return owner.kind === "here" ? entities.dispatch(own) : this.#placed(own, owner);
  }

  serve(services: readonly ServedService[]): void {
    this.#dependencies.entities.serve(services.filter(isEntityService));
  }

  async #placed(command: EntityCommand, first: Owner): Promise<Outcome> {
    const { entities, placement, peers } = this.#dependencies;
    for (let owner = first; ; owner = placement.ownerOf(command.shard)) {
      switch (owner.kind) {
        case "here":
          return entities.dispatch(command);
        case "peer":
          return peers.call(owner.peer, wireCommand(command), command.call);
        case "moving":
          await this.#untilMoved(owner.until, command);
      }
    }
  }

  /** @throws StatusError if the caller leaves, or stops waiting. */
  async #untilMoved(until: Promise<void>, { call, shard }: EntityCommand): Promise<void> {
    const { clock } = this.#dependencies;
    const over = new AbortController();
    const left = new Promise<"left">((resolve) => call.onCancel(() => resolve("left")));
    const waiting: Promise<"moved" | "left" | "late">[] = [until.then(() => "moved" as const), left];
    if (call.deadlineMs !== undefined) {
      const leftMs = Math.max(0, call.deadlineMs - clock.monotonicMs());
      waiting.push(sleep(clock, leftMs, over.signal).then(() => "late" as const));
    }
    const end = await Promise.race(waiting);
    over.abort();
    if (end === "left") throw routerError(Status.CANCELLED, "SHARD_MOVING", "the caller went away");
    if (end === "late") {
      const text = `shard ${shard}, to which the entity belongs, still moves to another proxy; try again`;
      throw routerError(Status.DEADLINE_EXCEEDED, "SHARD_MOVING", text);
    }
  }
}

/** @throws StatusError if it was sent on too often (3). */
function wireCommand({ method, payload, lineage, call }: EntityCommand): WireCommand {
  const hops = (call.hops ?? 0) + 1;
  const name = methodName(method);
  if (hops > MAX_HOPS) {
    const text = `${name} was sent from proxy to proxy ${MAX_HOPS} times without meeting the owner of its entity's shard; try again`;
    throw routerError(Status.UNAVAILABLE, "TOO_MANY_HOPS", text);
  }
  return { service: method.service.desc.typeName, method: method.desc.name, payload, lineage, hops };
}
