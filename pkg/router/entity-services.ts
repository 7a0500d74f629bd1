// SPDX-License-Identifier: Apache-2.0

import type { Clock } from "../base/mod.ts";
import { shardOf, sleep } from "../base/mod.ts";
import type { Owner, PeerId, Placement, ReplyGate } from "../cluster/mod.ts";
import { isUndelivered } from "../cluster/mod.ts";
import type { Command, EntityCommand, Lineage, Outcome, SideEffect } from "../entity/mod.ts";
import { ENTITY_KINDS } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import type { EntityService, ServedService } from "../userfunction/mod.ts";
import { isEntityMethod, isEntityService, methodName } from "../userfunction/mod.ts";

import type { EntityIdRules } from "./entity-id.ts";
import { readEntityId } from "./entity-id.ts";
import { MAX_HOPS, pauseBeforeHop } from "./hops.ts";
import type { Peers, WireCommand } from "./peers.ts";
import { routerError, shardMoving } from "./router-error.ts";
import type { ServiceRuntime } from "./service-runtime.ts";
import { onceResolved } from "./shared-wait.ts";
import { throughGate } from "./through-gate.ts";
import { withCaller } from "./with-caller.ts";

/** The entities of the shards that this proxy owns. */
export interface OwnEntities {
  dispatch(command: EntityCommand): Promise<Outcome>;
  serve(services: readonly EntityService[]): void;
}

export interface EntityServicesDependencies {
  readonly entities: OwnEntities;
  readonly placement: Placement;
  readonly peers: Peers;
  /** Undefined: this proxy is alone, and no answer waits. */
  readonly gate?: ReplyGate | undefined;
  /** Carries out side effects that are on record and that no caller waits for. `of` names their entity. */
  readonly carryOut?: (effects: readonly SideEffect[], of: string) => void;
  readonly clock: Clock;
  readonly options: EntityServicesOptions;
}

export interface EntityServicesOptions extends EntityIdRules {
  /** How long a command may take to find the owner of its shard, in milliseconds. */
  readonly shardWaitTimeoutMs: number;
}

/** How often a command may begin here, if each time the shard is lost before its answer can leave (I11). */
const MAX_BEGINS = 8;

/** From a command that did not reach its shard's owner to the next question who that is. */
const UNDELIVERED_PAUSE_MS = 20;

/**
 * Carries out commands for entities of all kinds, where their shard is owned.
 *
 * 1. A command goes to the proxy that owns the shard of its entity. Exactly one proxy owns a shard at a time; if two
 *    disagree for a moment, the log's fence keeps the state right (I3).
 * 2. A command that meets a shard which moves, or an owner that is not there, waits for the new owner (I9), for
 *    `shardWaitTimeoutMs` at most (I11).
 * 3. A command is sent from proxy to proxy at most `MAX_HOPS` times, the later ones after a pause (`hops.ts`).
 * 4. (I1, I8) With a gate, what an entity gave for a command, be it an answer or an error, is given back only after it
 *    has passed the gate, because all of it may be made of old state. Side effects and forwards are part of the answer.
 * 5. What may not pass is thrown away, and the command begins again wherever its shard is by then: it has stored
 *    nothing, or has an idempotency key (I7). Otherwise it fails with `ANSWER_WITHHELD`. So does a command whose caller
 *    stops waiting at the gate; its side effects are carried out all the same, because they are on record.
 * 6. Each admission ends once, whatever becomes of its command.
 */
export class EntityServices implements ServiceRuntime {
  readonly kinds = ENTITY_KINDS;
  readonly #dependencies: EntityServicesDependencies;

  constructor(dependencies: EntityServicesDependencies) {
    this.#dependencies = dependencies;
  }

  unary({ method, payload, call }: Command, lineage: Lineage): Promise<Outcome> {
    const { entities, placement, gate, options } = this.#dependencies;
    if (!isEntityMethod(method))
      throw routerError(Status.INTERNAL, "INTERNAL", `${methodName(method)} is for no entity`);
    const entityId = readEntityId(method, payload, options);
    const shard = shardOf(method.service.persistenceId, entityId);
    const owner = placement.ownerOf(shard);
    const own = { method, entityId, shard, payload, lineage, call };
    return owner.kind === "here" && gate === undefined ? entities.dispatch(own) : this.#placed(own, owner);
  }

  serve(services: readonly ServedService[]): void {
    this.#dependencies.entities.serve(services.filter(isEntityService));
  }

  async #placed(command: EntityCommand, first: Owner): Promise<Outcome> {
    const { placement, clock, options } = this.#dependencies;
    const endMs = clock.monotonicMs() + options.shardWaitTimeoutMs;
    let begins = 0;
    let pauseMs = pauseBeforeHop(hopOf(command));
    for (let owner = first; ; owner = placement.ownerOf(command.shard)) {
      switch (owner.kind) {
        case "here": {
          if (begins++ === MAX_BEGINS) throw shardMoving(command.shard, "unsettled");
          const outcome = await this.#here(command);
          if (outcome !== undefined) return outcome;
          break;
        }
        case "peer": {
          if (pauseMs > 0) {
            await this.#pause(pauseMs, command, endMs);
            pauseMs = 0;
            break;
          }
          const settled = await this.#there(command, owner.peer, endMs);
          if (settled !== undefined) return settled;
          break;
        }
        case "moving":
          await this.#wait(owner.until, command, endMs);
      }
    }
  }

  /** Undefined: the peer has not got the command, so it may be sent to another one (2). */
  async #there(command: EntityCommand, peer: PeerId, endMs: number): Promise<Outcome | undefined> {
    const { peers } = this.#dependencies;
    try {
      return await peers.call(peer, wireCommand(command), command.call);
    } catch (thrown) {
      if (!isUndelivered(thrown)) throw thrown;
    }
    // The placement learns of it a moment later, and may then name another owner.
    await this.#pause(UNDELIVERED_PAUSE_MS, command, endMs);
    return undefined;
  }

  /** @throws StatusError as `#wait`. */
  #pause(pauseMs: number, command: EntityCommand, endMs: number): Promise<void> {
    const over = new AbortController();
    const pause = sleep(this.#dependencies.clock, pauseMs, over.signal);
    return this.#wait(pause, command, endMs).finally(() => over.abort());
  }

  /** @throws StatusError `SHARD_MOVING` if its caller or (2) its time ends the wait. */
  async #wait(until: Promise<void>, command: EntityCommand, endMs: number): Promise<void> {
    const { clock } = this.#dependencies;
    const over = new AbortController();
    const woken = Promise.withResolvers<"unowned" | undefined>();
    const forget = onceResolved(until, () => woken.resolve(undefined));
    const leftMs = Math.max(0, endMs - clock.monotonicMs());
    void sleep(clock, leftMs, over.signal).then(() => woken.resolve("unowned"));
    const end = await withCaller(woken.promise, command.call, clock);
    forget();
    over.abort();
    if (end !== undefined) throw shardMoving(command.shard, end);
  }

  #carryOut(effects: readonly SideEffect[], { method, entityId }: EntityCommand): void {
    this.#dependencies.carryOut?.(effects, `${method.service.persistenceId}/${entityId}`);
  }

  /** Undefined: the command is to begin again. */
  #here(command: EntityCommand): Promise<Outcome | undefined> | undefined {
    const { entities, gate, clock } = this.#dependencies;
    if (gate === undefined) return entities.dispatch(command);
    const admission = gate.begin(command.shard);
    if (admission === undefined) return undefined;
    const dispatch = (): Promise<Outcome> => entities.dispatch(command);
    return throughGate(admission, command, dispatch, (effects) => this.#carryOut(effects, command), clock);
  }
}

/** How often the command will have been sent from proxy to proxy if it is sent on from here. */
function hopOf({ call }: EntityCommand): number {
  return (call.hops ?? 0) + 1;
}

/** @throws StatusError if it was sent on too often (3). Then this proxy has not begun it, but one before may have. */
function wireCommand(command: EntityCommand): WireCommand {
  const { method, payload, lineage, call } = command;
  const hops = hopOf(command);
  const name = methodName(method);
  if (hops > MAX_HOPS) {
    const again =
      call.idempotencyKey === undefined
        ? "nothing was done, try again"
        : "try again with the same idempotency key";
    const text = `${name} was sent from proxy to proxy ${MAX_HOPS} times without meeting the owner of its entity's shard; ${again}`;
    throw routerError(Status.UNAVAILABLE, "TOO_MANY_HOPS", text);
  }
  return { service: method.service.desc.typeName, method: method.desc.name, payload, lineage, hops };
}
