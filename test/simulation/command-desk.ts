// SPDX-License-Identifier: Apache-2.0

import { randomBelow } from "../../pkg/base/mod.ts";
import type { ClusterEffect, Ticket } from "../../pkg/cluster/node/mod.ts";
import { MAX_HOPS, pauseBeforeHop } from "../../pkg/router/mod.ts";

import type { Command, OnAnswer } from "./history.ts";
import type { Proxy } from "./world.ts";

const MOST_WORK_MS = 2_500;
const PACK_MS = 3;
/** When a request to the log that has no answer is sent again. */
const REQUEST_TIMEOUT_MS = 1_000;

/** An entity in memory. */
interface Memory {
  readonly member: string;
  readonly epoch: number;
  version: number;
  /** Versions of the commands that it remembers by their keys (I7). */
  readonly kept: Map<string, number>;
}

interface Work {
  readonly command: Command;
  readonly hops: number;
  readonly onAnswer: OnAnswer;
}

/** A command that has begun here. */
interface Open extends Work {
  readonly ticket: Ticket;
  /** It is in the log since it began. */
  hasStored: boolean;
  version: number;
  hasEnded: boolean;
}

/**
 * Where a proxy carries commands out: a model of router, entities and log adapter. One command of an entity at a time
 * (I2), appended on condition of the version that it was made of (I3), answered when it is stored (I1) and when the
 * cluster node lets the answer pass.
 */
export class CommandDesk {
  readonly #proxy: Proxy;
  readonly #memory = new Map<string, Memory>();
  readonly #queues = new Map<string, Open[]>();
  /** Commands that wait for a shard. */
  #held: Work[] = [];
  /** Answers that wait for a lease. */
  #waiting: Open[] = [];

  constructor(proxy: Proxy) {
    this.#proxy = proxy;
  }

  /** Sends a command to where its shard is owned. */
  take(command: Command, hops: number, onAnswer: OnAnswer, pauseMs = pauseBeforeHop(hops + 1)): void {
    const work = { command, hops, onAnswer };
    const { node, machine } = this.#proxy;
    const owner = node.ownerOf(command.shard);
    switch (owner.kind) {
      case "here": {
        const ticket = node.begin(command.shard, machine.monotonicMs());
        return ticket === undefined ? void this.#held.push(work) : this.#begin({ ...work, ticket });
      }
      case "moving":
        return void this.#held.push(work);
      case "peer":
        if (hops >= MAX_HOPS) return onAnswer({ kind: "failed" });
        if (pauseMs > 0) return machine.after(pauseMs, () => this.take(command, hops, onAnswer, 0));
        return this.#forward(work, owner.peer);
    }
  }

  /** Keeps, packs or throws away the entities of a shard. */
  host({ kind, shard, epoch }: Extract<ClusterEffect, { kind: "take" | "pack" | "drop" }>): void {
    if (kind === "take") return;
    for (const entity of this.#memory.keys()) if (shardOf(entity) === shard) this.#memory.delete(entity);
    const { machine } = this.#proxy;
    if (kind === "pack") machine.after(PACK_MS, () => this.#proxy.handle({ kind: "packed", shard, epoch }));
  }

  /** Commands that wait ask again where they go, and answers whether they may leave. */
  askAgain(): void {
    const held = this.#held;
    this.#held = [];
    for (const { command, hops, onAnswer } of held) this.take(command, hops, onAnswer);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const open of waiting) this.#pass(open);
  }

  #forward({ command, hops, onAnswer }: Work, id: string): void {
    const { world, machine } = this.#proxy;
    this.#proxy.tell(() => `sends ${command.name} to ${id}`);
    const atPeer = (peer: Proxy): void =>
      peer.take(command, hops + 1, (answer) =>
        peer.machine.send(world.delayMs(), () => machine.receive(world.delayMs(), () => onAnswer(answer))),
      );
    this.#proxy.ask(id, atPeer, () => void this.#held.push({ command, hops, onAnswer }));
  }

  #begin(work: Work & { readonly ticket: Ticket }): void {
    const open: Open = { ...work, hasStored: false, version: 0, hasEnded: false };
    const { entity, name } = open.command;
    this.#proxy.tell(() => `begins ${name}, epoch ${open.ticket.epoch}`);
    const queue = this.#queues.get(entity) ?? [];
    this.#queues.set(entity, queue);
    queue.push(open);
    if (queue.length === 1) this.#carryOut(open);
  }

  /** Reads the entity if it is not in memory, and gives the command to the user function. */
  #carryOut(open: Open): void {
    const memory = this.#memoryOf(open);
    if (memory === undefined) return this.#isOver(open) ? this.#finish(open) : this.#activate(open);
    const { command } = open;
    const kept = memory.kept.get(command.name);
    const isStored = command.kind === "read" || kept !== undefined;
    // The answer is made of the state that the user function had when it got the command, however long it takes.
    open.version = command.kind === "read" ? memory.version : (kept ?? memory.version + 1);
    this.#proxy.tell(() => `carries out ${command.name} at version ${memory.version}`);
    this.#proxy.machine.after(this.#workMs(), () => {
      if (isStored) return this.#finish(open);
      if (this.#proxy.world.options.mutant === "output-gate") this.#pass(open);
      this.#append(open, memory);
    });
  }

  #activate(open: Open): void {
    const { world, machine } = this.#proxy;
    const { entity } = open.command;
    const { member, epoch } = open.ticket;
    const read = (): Map<string, number> => {
      const broken = world.log.brokenAt(entity);
      if (broken !== undefined) world.fail(`record ${broken + 1} of ${entity} follows another one (I6)`);
      return new Map(world.log.read(entity).map(({ command }, index) => [command, index + 1]));
    };
    let isSettled = false;
    const settle = (): boolean => {
      const isFirst = !isSettled;
      isSettled = true;
      return isFirst;
    };
    this.#proxy.request(read, (kept) => {
      if (!settle()) return;
      this.#proxy.tell(() => `reads ${entity} at version ${kept.size}`);
      this.#memory.set(entity, { member, epoch, version: kept.size, kept });
      this.#carryOut(open);
    });
    machine.after(REQUEST_TIMEOUT_MS, () => {
      if (settle()) this.#carryOut(open);
    });
  }

  /** Memory of another tenure is not used. */
  #memoryOf({ command, ticket }: Open): Memory | undefined {
    const memory = this.#memory.get(command.entity);
    if (memory === undefined || this.#proxy.world.options.mutant === "epoch") return memory;
    return memory.member === ticket.member && memory.epoch === ticket.epoch ? memory : undefined;
  }

  #append(open: Open, memory: Memory): void {
    const { command } = open;
    const { world, machine } = this.#proxy;
    const expected = open.version - 1;
    let isAnswered = false;
    this.#proxy.request(
      () => world.log.append(command.entity, expected, command.name),
      (appended) => {
        if (isAnswered) return;
        isAnswered = true;
        this.#proxy.tell(() => `appended ${command.name} after ${expected}: ${appended.kind}`);
        if (appended.kind === "stored") {
          open.hasStored = true;
          memory.version = open.version;
          memory.kept.set(command.name, open.version);
          return this.#finish(open);
        }
        // A proxy that lost the race throws the entity's memory away before it does anything else (I3).
        if (this.#memory.get(command.entity) === memory) this.#memory.delete(command.entity);
        return this.#carryOut(open);
      },
    );
    machine.after(REQUEST_TIMEOUT_MS, () => {
      if (isAnswered) return;
      isAnswered = true;
      this.#append(open, memory);
    });
  }

  #isOver({ ticket }: Open): boolean {
    return this.#proxy.node.mayReply(ticket, this.#proxy.machine.monotonicMs()) === "over";
  }

  /** The entity is free for its next command, while this one waits for its answer to leave. */
  #finish(open: Open): void {
    const queue = this.#queues.get(open.command.entity);
    queue?.shift();
    // Before the answer passes: if it may not, its command begins again here, and must not be carried out twice.
    const next = queue?.[0];
    if (next !== undefined) this.#carryOut(next);
    this.#pass(open);
  }

  #pass(open: Open): void {
    const { node, machine, world } = this.#proxy;
    const { ticket, command, hops, onAnswer, version } = open;
    if (open.hasEnded) return;
    const pass = node.mayReply(ticket, machine.monotonicMs());
    if (pass === "wait") return void this.#waiting.push(open);
    open.hasEnded = true;
    node.end(ticket, machine.monotonicMs());
    if (pass === "reply") {
      this.#proxy.tell(() => `answers ${command.name} with version ${version}`);
      return onAnswer({ kind: "version", version });
    }
    this.#proxy.tell(() => `must not answer ${command.name}: its tenure is over`);
    if (!open.hasStored) return this.take(command, hops, onAnswer);
    if (world.options.isCalm) world.fail(`${command.name} failed in a handoff (I9)`);
    onAnswer({ kind: "failed" });
  }

  /** How long the user function takes. */
  #workMs(): number {
    const { workRandom, options } = this.#proxy.world;
    const isSlow = randomBelow(workRandom, 100) < options.slowPercent;
    return workRandom() * (isSlow ? MOST_WORK_MS : 4);
  }
}

/** The entities of the simulation are named for their shards. */
function shardOf(entity: string): number {
  return Number(entity.slice(entity.indexOf("-") + 1));
}
