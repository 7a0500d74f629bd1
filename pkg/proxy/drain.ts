// SPDX-License-Identifier: Apache-2.0

import { sleep } from "../base/mod.ts";
import type { Clock, Logger, Timer } from "../base/mod.ts";
import type { EntityRuntime } from "../entity/mod.ts";

import type { ProxyOptions } from "./options.ts";

export interface DrainDependencies {
  readonly entities: Pick<EntityRuntime, "active" | "passivateAll" | "resume">;
  /** Resolves when no more requests come, as far as anybody knows; gives why it is not sure. */
  readonly quiet: (signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: Pick<ProxyOptions, "drainAnswerTimeoutMs" | "drainResetTimeoutMs">;
}

/**
 * What a proxy does before its pod ends: Kubernetes asks for it (`preStop`) when the pod begins to end, and sends SIGTERM
 * when it has the answer.
 *
 *     serving ◀──▶ draining ──▶ stopping
 *        └────────────────────────▲
 *
 * 1. From `drain` on the proxy is not ready, and an entity leaves memory as soon as it is idle, so that the pod that comes
 *    after finds it at rest. Requests that come late, since news of the end travels slowly, are served: the log keeps
 *    that safe (I3).
 * 2. `drain` resolves when no more requests come, at a moment without an entity in memory, and when those that left are
 *    packed, or after `drainAnswerTimeoutMs` (I11).
 * 3. A proxy that is not stopped within `drainResetTimeoutMs` of the last `drain` serves as before.
 */
export class Drain {
  readonly #dependencies: DrainDependencies;
  #state: State = SERVING;
  /** Under way, for all who ask meanwhile. */
  #answer: Promise<string> | undefined;
  readonly #stopped = new AbortController();

  constructor(dependencies: DrainDependencies) {
    this.#dependencies = dependencies;
  }

  /** Why the proxy is not ready; undefined while it serves. */
  get problem(): string | undefined {
    return this.#state.kind === "serving" ? undefined : `the proxy is ${this.#state.kind}`;
  }

  /** Gives what came of it, for people. */
  drain(): Promise<string> {
    if (this.#state.kind === "stopping") return Promise.resolve("the proxy is stopping");
    const { clock, options } = this.#dependencies;
    if (this.#state.kind === "draining") this.#state.reset.cancel();
    this.#state = {
      kind: "draining",
      reset: clock.schedule(options.drainResetTimeoutMs, () => this.#reset()),
    };
    this.#answer ??= this.#run().finally(() => (this.#answer = undefined));
    return this.#answer;
  }

  /** The proxy is told to stop, which does the rest. */
  stop(): void {
    if (this.#state.kind === "draining") this.#state.reset.cancel();
    this.#state = STOPPING;
    this.#stopped.abort();
  }

  async #run(): Promise<string> {
    const { entities, clock, logger, options, quiet } = this.#dependencies;
    logger.info("draining", { entities: entities.active });
    void entities.passivateAll();
    const unsure = await quiet(this.#stopped.signal);
    if (unsure !== undefined) logger.warn("not known whether more requests come", { reason: unsure });
    const timeIsUp = sleep(clock, options.drainAnswerTimeoutMs).then(() => true);
    const isLate = await Promise.race([entities.passivateAll().then(() => false), timeIsUp]);
    if (isLate) {
      logger.warn("not drained in time", { entities: entities.active });
      return `not drained within ${options.drainAnswerTimeoutMs} ms; entities in memory: ${entities.active}`;
    }
    logger.info("drained");
    return "drained";
  }

  #reset(): void {
    this.#state = SERVING;
    this.#dependencies.entities.resume();
    this.#dependencies.logger.warn("nobody stopped the drained proxy; it serves again");
  }
}

type State =
  | { readonly kind: "serving" }
  | { readonly kind: "draining"; readonly reset: Timer }
  | { readonly kind: "stopping" };

const SERVING: State = { kind: "serving" };
const STOPPING: State = { kind: "stopping" };
