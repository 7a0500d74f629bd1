// SPDX-License-Identifier: Apache-2.0

import type { Clock, Timer } from "../base/mod.ts";
import { sleep } from "../base/mod.ts";
import type { Telemetry } from "../telemetry/mod.ts";

import type { PartState } from "./admin/report.ts";
import type { ProxyOptions } from "./options.ts";
import type { Part } from "./parts/part.ts";
import type { Parts } from "./parts/parts.ts";

export interface DrainDependencies {
  readonly parts: Pick<Parts, "drain" | "resume" | "inspect">;
  /** Resolves when no more requests are expected; with a text if that is not certain, which says why. */
  readonly quiet: (signal: AbortSignal) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly options: Pick<ProxyOptions, "drainAnswerTimeoutMs" | "drainResetTimeoutMs">;
}

/**
 * What a proxy does before its pod ends. Kubernetes calls `/drain` (`preStop`) when the pod begins to end, and sends
 * SIGTERM after the answer.
 *
 *     serving ◀──▶ draining ──▶ stopping
 *        └────────────────────────▲
 *
 * 1. From `drain` on the proxy is not ready. Proxies that share its entities get them at once. Without such a proxy an
 *    entity leaves memory as soon as it is idle, so that the next pod finds its history packed. Late requests are
 *    still served, because news of the end reaches clients slowly: those for entities of others are passed on, and the
 *    log keeps the rest safe (I3).
 * 2. `drain` waits until no more requests come. Then it waits for at most `drainAnswerTimeoutMs` (I11) until no entity
 *    is in memory, the histories of those that left are packed, and others have the shards that they can take.
 * 3. A proxy that is not stopped within `drainResetTimeoutMs` of the last `drain` serves as before.
 */
export class Drain {
  readonly #dependencies: DrainDependencies;
  #state: State = SERVING;
  /** The drain that is under way, which all calls of `drain` in the meantime share. */
  #answer: Promise<string> | undefined;
  readonly #stopped = new AbortController();

  constructor(dependencies: DrainDependencies) {
    this.#dependencies = dependencies;
  }

  /** Why the proxy is not ready; undefined while it serves. */
  get problem(): string | undefined {
    return this.#state.kind === "serving" ? undefined : `the proxy is ${this.#state.kind}`;
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Begins a drain, or joins the one that is under way. Resolves with the result as a text for people. */
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

  /** Called when the proxy stops, which ends all entities itself. Ends the wait for the last requests. */
  stop(): void {
    if (this.#state.kind === "draining") this.#state.reset.cancel();
    this.#state = STOPPING;
    this.#stopped.abort();
  }

  async #run(): Promise<string> {
    const { parts, clock, telemetry, options, quiet } = this.#dependencies;
    telemetry.logger.info("draining", this.#left());
    void parts.drain();
    const unsure = await quiet(this.#stopped.signal);
    if (unsure !== undefined)
      telemetry.logger.warn("not known whether more requests come", { reason: unsure });
    const timeIsUp = sleep(clock, options.drainAnswerTimeoutMs).then(() => true);
    const isLate = await Promise.race([parts.drain().then(() => false), timeIsUp]);
    if (isLate) {
      const { entities, shards } = this.#left();
      telemetry.logger.warn("not drained in time", { entities, shards });
      const more = shards === 0 ? "" : `, shards: ${shards}`;
      return `not drained within ${options.drainAnswerTimeoutMs} ms; entities in memory: ${entities}${more}`;
    }
    telemetry.logger.info("drained");
    return "drained";
  }

  /** What has not left this proxy. One that is alone has no shards to hand over. */
  #left(): { readonly entities: number; readonly shards: number } {
    const { entities, cluster } = this.#dependencies.parts.inspect();
    const shards = cluster?.["shards"] as PartState | undefined;
    return { entities: Number(entities?.["inMemory"] ?? 0), shards: Number(shards?.["own"] ?? 0) };
  }

  #reset(): void {
    this.#state = SERVING;
    this.#dependencies.parts.resume();
    this.#dependencies.telemetry.logger.warn("nobody stopped the drained proxy; it serves again");
  }
}

type State =
  | { readonly kind: "serving" }
  | { readonly kind: "draining"; readonly reset: Timer }
  | { readonly kind: "stopping" };

const SERVING: State = { kind: "serving" };
const STOPPING: State = { kind: "stopping" };

/** Makes the proxy unready while it drains. It stops first, so that no drained proxy serves again while it stops. */
export function drainPart(drain: Drain): Part {
  return {
    name: "drain",
    checks: () => (drain.problem === undefined ? [] : [{ name: "drain", problem: drain.problem }]),
    stop: async () => drain.stop(),
    inspect: () => ({ state: drain.state }),
  };
}
