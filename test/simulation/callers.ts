// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../pkg/base/mod.ts";
import { randomBelow } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";

import type { Command } from "./history.ts";
import type { World } from "./world.ts";
import { SHARDS } from "./world.ts";

/** Few, so that commands meet. */
const MOST_ENTITIES = 3;
const MEAN_PAUSE_MS = 250;
/** A caller without an answer sends its command again, with the same key, to any proxy. */
const PATIENCE_MS = 4_000;

/**
 * Callers that send one command after the other, until `busyMs`. A caller repeats a command until it is answered, so
 * that one which is lost for ever is found at the end.
 */
export class Callers {
  readonly #world: World;
  readonly #random: Random;
  readonly #entities: readonly string[];
  readonly #busyMs: number;
  #names = 0;
  /** Commands without an answer. */
  readonly open = new Set<Command>();
  answered = 0;

  constructor(world: World, seed: number, count: number, busyMs: number) {
    this.#world = world;
    this.#random = seededRandom(seed * 7 + 5);
    this.#busyMs = busyMs;
    const entities = 1 + randomBelow(this.#random, MOST_ENTITIES);
    this.#entities = Array.from({ length: entities }, () => `e-${randomBelow(this.#random, SHARDS)}`);
    for (let caller = 0; caller < count; caller++) this.#next();
  }

  #next(): void {
    const { scheduler } = this.#world;
    scheduler.after(this.#random() * 2 * MEAN_PAUSE_MS, () => {
      if (scheduler.nowMs > this.#busyMs) return;
      const entity = this.#entities[randomBelow(this.#random, this.#entities.length)]!;
      const kind = randomBelow(this.#random, 5) < 3 ? "read" : "write";
      const floor = this.#world.history.shown(entity);
      const shard = Number(entity.slice(2));
      const command: Command = { name: `${kind} ${++this.#names}`, kind, entity, shard, floor };
      this.open.add(command);
      this.#send(command);
    });
  }

  #send(command: Command): void {
    const { proxies, scheduler } = this.#world;
    let isOver = false;
    const again = (delayMs: number): void => {
      if (isOver) return;
      isOver = true;
      scheduler.after(delayMs, () => {
        if (this.open.has(command)) this.#send(command);
      });
    };
    scheduler.after(PATIENCE_MS, () => again(0));
    const all = [...proxies.values()];
    const proxy = all[randomBelow(this.#random, all.length)];
    if (proxy === undefined) return;
    const { machine } = proxy;
    this.#world.tell("caller", () => `sends ${command.name} for ${command.entity} to ${machine.name}`);
    // Callers reach a pod without NATS. One that is paused takes the command when it goes on.
    machine.after(this.#random(), () => {
      proxy.take(command, 0, (answer) => {
        if (answer.kind === "failed") return again(this.#random() * 100);
        isOver = true;
        this.#answered(command, answer.version);
      });
    });
  }

  #answered(command: Command, version: number): void {
    const problem = this.#world.history.problemOf(command, version);
    if (problem !== undefined) this.#world.fail(problem);
    if (!this.open.delete(command)) return;
    this.answered++;
    this.#next();
  }
}
