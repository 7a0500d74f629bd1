// SPDX-License-Identifier: Apache-2.0

import type { Account, BackoffOptions, Clock, Random } from "../base/mod.ts";
import { backoffMs, Semaphore, sleep } from "../base/mod.ts";
import type { SideEffect } from "../entity/mod.ts";
import { asksTooMuch, mayPass } from "../entity/mod.ts";
import type { StatusError } from "../grpc/mod.ts";
import type { Values } from "../settings/mod.ts";
import type { Telemetry, TraceContext } from "../telemetry/mod.ts";
import { traceFields } from "../telemetry/mod.ts";

import type { Ask } from "./asked.ts";
import { NO_ASK } from "./asked.ts";
import type { Chain } from "./chain.ts";
import { describeCause, recordedLink } from "./chain.ts";
import { isBadTarget } from "./router-error.ts";
import type { ROUTER_SETTINGS } from "./settings.ts";

/** Bounds of side effects (I11). */
export type SideEffectOptions = Pick<Values<typeof ROUTER_SETTINGS>, "maxOpenEffects" | "maxEffectTries">;

export interface SideEffectDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** The memory for side effects under way, in bytes. */
  readonly effectMemory: Account;
  readonly options: SideEffectOptions;
}

/** The command, or the entity with stored side effects, whose side effects are carried out. */
export interface Origin {
  readonly idempotencyKey: string | undefined;
  readonly chain: Chain;
  readonly ask: Ask;
  /** The command's span. Undefined: there is no command, or nobody traces. */
  readonly trace: TraceContext | undefined;
}

/** One of the side effects that an origin asks for. */
export interface Task {
  readonly effect: SideEffect;
  readonly index: number;
  readonly origin: Origin;
}

/** Asks the target of an effect once. Gives the failure, if it failed. Never rejects. */
export type AskTarget = (task: Task, inFlight: boolean) => Promise<StatusError | undefined>;

/** Pauses between the tries of one effect. */
const PAUSE: BackoffOptions = { minMs: 100, maxMs: 5_000, jitter: 0.2 };

/**
 * Carries out side effects: when each is begun, where it waits, and how often it is tried.
 *
 * 1. Effects are handled before the answer is given, in order. The caller waits for a synchronous effect; an
 *    asynchronous one is only started. The result of an effect never changes the answer; its failure is logged and
 *    reported.
 * 2. At most `maxOpenEffects` asynchronous effects are under way: there are so many places, and each effect takes one
 *    (I11). The effects that follow from such an effect take none, but run in its place, one after the other. If they
 *    took places too, the effects in all places could be waiting for a further one, which none of them would free.
 * 3. An effect that is stored in an entity's record is done when its target has answered, even with a failure. If the
 *    target could not be asked, for a reason that may pass (`mayPass`), the effect is tried again in one of the
 *    places of 2, `maxEffectTries` times in all. After that it stays undone, until a sweep of the log finds it, or its
 *    entity comes into memory again. A command waits only for the first try of a synchronous effect; if no place is
 *    free for the second one, the effect stays undone at once.
 */
export class SideEffects {
  readonly #dependencies: SideEffectDependencies;
  readonly #askTarget: AskTarget;
  readonly #places: Semaphore;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(dependencies: SideEffectDependencies, askTarget: AskTarget) {
    this.#dependencies = dependencies;
    this.#askTarget = askTarget;
    this.#places = new Semaphore(dependencies.options.maxOpenEffects);
  }

  /** Asynchronous effects that are under way, and commands that wait because there are too many. */
  get open(): { readonly working: number; readonly waiting: number } {
    const { working, waiting } = this.#places;
    return { working, waiting };
  }

  /** Carries out the effects of one answer. Never rejects. */
  async carryOut(effects: readonly SideEffect[], origin: Origin): Promise<void> {
    for (const [index, effect] of effects.entries()) {
      const task = { effect, index, origin };
      if (origin.chain.inFlight) {
        await this.#effect(task);
      } else if (!effect.synchronous) {
        await this.#places.acquire();
        void this.#inBackground(() => this.#effect(task));
      } else if (await this.#failsForNow(task, 1, false)) {
        if (this.#places.tryAcquire()) void this.#inBackground(() => this.#effect(task, 2));
        else effect.onEnd?.(false);
      }
    }
  }

  /** Runs `work` in a place that was acquired before, and releases the place afterwards. */
  #inBackground(work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => {
      this.#places.release();
      this.#underWay.delete(running);
    });
    this.#underWay.add(running);
    return running;
  }

  /** Carries out an effect in a place that was acquired before, from this try on. Never rejects. */
  async #effect(task: Task, from = 1): Promise<void> {
    const { clock, random, options, effectMemory } = this.#dependencies;
    const { signal } = this.#stopping;
    if (effectMemory.available <= 0) await effectMemory.untilAvailable();
    for (let attempt = from; attempt <= options.maxEffectTries; attempt++) {
      if (attempt > 1) {
        await sleep(clock, backoffMs(attempt - 1, PAUSE, random), signal);
        if (signal.aborted) break;
      }
      if (!(await this.#failsForNow(task, attempt, true))) return;
    }
    task.effect.onEnd?.(false);
  }

  /** Tries an effect once. True: it is stored in a record and has to be tried again. Never rejects. */
  async #failsForNow(task: Task, attempt: number, inFlight: boolean): Promise<boolean> {
    const { effect } = task;
    const failure = await this.#askTarget(task, inFlight);
    if (failure !== undefined) {
      const isPassing = effect.onEnd !== undefined && mayPass(failure);
      this.#onEffectFailed(task, failure, isPassing ? attempt : undefined);
      if (isPassing) return true;
    }
    effect.onEnd?.(true);
    return false;
  }

  /** Carries out stored effects of an entity again, in the place of one asynchronous effect. Resolves when they end. */
  async carryOutAgain(effects: readonly SideEffect[], entity: string): Promise<void> {
    await this.#places.acquire();
    const { logger } = this.#dependencies.telemetry;
    logger.debug("side effects are carried out again", { entity, count: effects.length });
    const chain = recordedLink(entity);
    const origin = { idempotencyKey: undefined, chain, ask: NO_ASK, trace: undefined };
    await this.#inBackground(() => this.carryOut(effects, origin));
  }

  /** From now on no effect is tried again. Resolves when no effect is under way; the caller bounds the wait. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** @param attempt the number of the try, if the failure may pass; undefined: the effect has ended. */
  #onEffectFailed({ effect: asked, origin: from }: Task, failure: StatusError, attempt?: number): void {
    const { telemetry, reportError } = this.#dependencies;
    const { code, message } = failure;
    const { origin } = asked.lineage ?? from.ask.lineage;
    const effect = `${asked.serviceName}.${asked.commandName}`;
    const trace = describeCause("effect", from.chain);
    const fields = { effect, trace, origin, code, error: failure, ...traceFields(from.trace ?? asked.trace) };
    // No report if the failure may pass, because the user function did not cause it, nor if it was reported already.
    if (attempt !== undefined) {
      return telemetry.logger.warn("side effect failed for now", { ...fields, attempt });
    }
    telemetry.logger.warn("side effect failed", fields);
    if (!isBadTarget(failure) && !asksTooMuch(failure))
      reportError(`${effect} failed: ${message} (${code}), ${trace}`);
  }
}
