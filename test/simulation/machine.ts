// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../../pkg/base/mod.ts";

import type { Scheduler } from "./scheduler.ts";

/** What becomes of messages between a pod and NATS. */
export interface Link {
  /** Messages of the pod arrive. */
  sends: boolean;
  /** Messages to the pod arrive. */
  receives: boolean;
  /** NATS believes that the pod is connected. If not, messages to it find no responder. */
  isOpen: boolean;
}

export interface MachineOptions {
  readonly name: string;
  /** Of its monotonic clock, relative to virtual time. */
  readonly clockRate: number;
  readonly random: Random;
}

/**
 * A process in a pod, with the pod's clock and a link to NATS. It may be paused or killed. Whatever reaches a paused
 * process happens when it goes on, as in a real one that was stopped; a dead one does nothing any more.
 */
export class Machine {
  readonly name: string;
  readonly link: Link = { sends: true, receives: true, isOpen: true };
  readonly #scheduler: Scheduler;
  readonly #options: MachineOptions;
  readonly #backlog: (() => void)[] = [];
  #isPaused = false;
  #isDead = false;

  constructor(scheduler: Scheduler, options: MachineOptions) {
    this.name = options.name;
    this.#scheduler = scheduler;
    this.#options = options;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs * this.#options.clockRate;
  }

  /** Does something in the process after a time by the pod's own clock. */
  after(delayMs: number, action: () => void): void {
    this.#later(delayMs / this.#options.clockRate, action);
  }

  /** Sends something to NATS. */
  send(delayMs: number, atServer: () => void): void {
    if (!this.link.sends || this.#isDead) return;
    this.#scheduler.after(delayMs, atServer);
  }

  /** NATS sends something to the process. */
  receive(delayMs: number, action: () => void): void {
    this.#later(delayMs, () => {
      if (this.link.receives) action();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What waited happens now, in any order of messages and timers. */
  resume(): void {
    this.#isPaused = false;
    const waiting = this.#backlog.splice(0);
    for (const action of waiting) this.#later(this.#options.random(), action);
  }

  kill(): void {
    this.#isDead = true;
    this.#backlog.length = 0;
    this.link.isOpen = false;
  }

  #later(delayMs: number, action: () => void): void {
    if (this.#isDead) return;
    this.#scheduler.after(delayMs, () => {
      if (this.#isDead) return;
      if (this.#isPaused) this.#backlog.push(action);
      else action();
    });
  }
}
