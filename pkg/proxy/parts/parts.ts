// SPDX-License-Identifier: Apache-2.0

import type { Check } from "../admin/probe-routes.ts";
import type { Report } from "../admin/report.ts";
import type { AdminRoute } from "../admin/routes.ts";
import type { Part } from "./part.ts";

/**
 * The parts of one proxy, in the order in which they start.
 *
 *     starting ──▶ running ──▶ stopped
 *         └────────────────────▲
 *
 * 1. Parts start one after the other, and stop in the reverse order, so a part may use those before it until it ends.
 * 2. The proxy is ready when every check of every part holds, and all parts have started.
 * 3. `drain` waits for all parts. `stop` stops each part once, however often it is called.
 */
export class Parts {
  readonly #parts: Part[] = [];
  #isRunning = false;
  #stopped: Promise<void> | undefined;

  /** Starts a part after those before it. Its checks count while it starts. @throws what its start throws. */
  async start<P extends Part>(part: P): Promise<P> {
    this.#parts.push(part);
    await part.start?.();
    return part;
  }

  /** All parts have started. */
  started(): void {
    this.#isRunning = true;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get isStopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** The checks of all parts (2). */
  checks(): readonly Check[] {
    const checks = this.#parts.flatMap((part) => part.checks?.() ?? []);
    const isHidden = this.#isRunning || checks.some(({ problem }) => problem !== undefined);
    return isHidden ? checks : [...checks, { name: "start", problem: "is under way" }];
  }

  routes(): readonly AdminRoute[] {
    return this.#parts.flatMap(({ routes }) => routes ?? []);
  }

  /** What each part says about itself, by its name. */
  inspect(): Report {
    const states = this.#parts.flatMap((part) =>
      part.inspect ? [[part.name, part.inspect()] as const] : [],
    );
    return Object.fromEntries(states);
  }

  async drain(): Promise<void> {
    await Promise.all(this.#parts.toReversed().map(async (part) => part.drain?.()));
  }

  resume(): void {
    for (const part of this.#parts) part.resume?.();
  }

  /** Stops all parts, the last one first (1, 3). */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    for (const part of this.#parts.toReversed()) await part.stop?.();
  }
}
