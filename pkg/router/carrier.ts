// SPDX-License-Identifier: Apache-2.0

import type { Account, BackoffOptions, Clock, Logger, Random } from "../base/mod.ts";
import { backoffMs, Semaphore, sleep } from "../base/mod.ts";
import { callerlessCall, forwardedCall } from "../call/mod.ts";
import type {
  ActionCall,
  ActionStreamCall,
  Call,
  EntityCommand,
  Lineage,
  NoReplyOutcome,
  Outcome,
  ReplyOutcome,
  SideEffect,
} from "../entity/mod.ts";
import { mayPass } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import type { Values } from "../settings/mod.ts";
import type { ActionMethod, ServedMethod } from "../userfunction/mod.ts";

import { answersWithStream, only, onlyAnswer } from "./answers.ts";
import type { Ask } from "./asked.ts";
import { Asked, NO_ASK } from "./asked.ts";
import type { Chain, Targets } from "./chain.ts";
import { describeCause, findTarget, nextLink, recordedLink } from "./chain.ts";
import type { Command } from "./command.ts";
import { readEntityId } from "./entity-id.ts";
import { isRefusal, Refusals } from "./refusals.ts";
import { badTarget, routerError, toStatusError } from "./router-error.ts";
import type { ROUTER_SETTINGS } from "./settings.ts";

export type RouterOptions = Values<typeof ROUTER_SETTINGS>;

export interface RouterDependencies {
  readonly entities: { dispatch(command: EntityCommand): Promise<Outcome> };
  readonly actions: {
    unary(call: ActionCall): Promise<Outcome>;
    streamed(call: ActionStreamCall): AsyncIterable<Outcome>;
  };
  /** What is served at the moment, for the targets of forwards and side effects; undefined: nothing. */
  readonly served: () => Targets | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Tells the user function what it did wrong. */
  readonly reportError: (message: string) => void;
  /** The memory for side effects under way, in bytes. */
  readonly effectMemory: Account;
  readonly options: RouterOptions;
}

/** The result of an outcome after its side effects were carried out, or started, and its forwards followed. */
export type Settled =
  | ReplyOutcome
  | NoReplyOutcome
  /** The command was forwarded to a method that answers with a stream. Its outcomes are not settled yet. */
  | { readonly kind: "stream"; readonly outcomes: AsyncIterable<Outcome>; readonly from: Link };

/** A command, how it came about, and what it has asked for so far. */
export interface Link {
  readonly command: Command;
  readonly chain: Chain;
  readonly asked: Asked;
}

/** The command, or the entity with stored side effects, whose side effects are carried out. */
interface Origin {
  readonly idempotencyKey: string | undefined;
  readonly chain: Chain;
  readonly ask: Ask;
}

/** Pauses between the tries of one effect. */
const PAUSE: BackoffOptions = { minMs: 100, maxMs: 5_000, jitter: 0.2 };

/**
 * Carries out the side effects and forwards that user functions ask for with their answers, from any kind of service
 * to any other.
 *
 * 1. Effects are handled before the answer is given, in order. The carrier waits for a synchronous effect, and only
 *    starts an asynchronous one. The result of an effect never changes the answer; its failure is logged and
 *    reported.
 * 2. Effects of effects and of forwards are carried out too. A chain has at most `maxForwardDepth` links, and from
 *    one command of a caller at most `maxDescendants` forwards and effects follow (I11; `Lineage`: how many commands
 *    may still follow from a caller's command).
 * 3. At most `maxOpenEffects` asynchronous effects are under way, each in one place (I11). The effects that follow
 *    from such an effect run in its place, one after the other, because effects that hold one place and wait for
 *    another could all wait for each other.
 * 4. A forward keeps the caller's deadline, and is cancelled if the caller leaves. An effect continues without the
 *    caller.
 * 5. If a command has an idempotency key, the keys of its forwards and effects are derived from that key (I7).
 * 6. An effect that is stored in an entity's record is done when its target has answered, even with a failure. If the
 *    target could not be asked, for a reason that may pass (`mayPass`), the effect is tried again in one of the
 *    places of 3, `maxEffectTries` times in all. Then it is given up for now. A command waits only for the first try
 *    of a synchronous effect; if no place is free after this try, the effect is given up for now too.
 */
export class Carrier {
  readonly #dependencies: RouterDependencies;
  readonly #places: Semaphore;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #refusals: Refusals;

  constructor(dependencies: RouterDependencies) {
    this.#dependencies = dependencies;
    this.#places = new Semaphore(dependencies.options.maxOpenEffects);
    this.#refusals = new Refusals(dependencies);
  }

  /** Hands a command with one answer to the entity or action of its method. @throws StatusError, and nothing else. */
  give(command: Command, lineage: Lineage): Promise<Outcome> {
    const { method, payload, call } = command;
    if (method.kind === "action") {
      if (method.desc.methodKind !== "unary") return onlyAnswer(this.#stream(method, command));
      return this.#dependencies.actions.unary({ method, payload, call });
    }
    const entityId = readEntityId(method, payload, this.#dependencies.options);
    return this.#dependencies.entities.dispatch({ method, entityId, payload, lineage, call });
  }

  /** Reports a command that failed because it asked for too many forwards and side effects. Gives the failure back. */
  noteFailure(thrown: unknown, chain: Chain): unknown {
    if (thrown instanceof StatusError) this.#refusals.tell(thrown, chain);
    return thrown;
  }

  /**
   * Carries out the effects of an outcome and follows its forwards, until there is a result.
   *
   * @throws StatusError if the answer is a failure, or a forward that cannot be followed; and nothing else.
   */
  async settle(outcome: Outcome, from: Link): Promise<Settled> {
    let answer = outcome;
    let link = from;
    for (;;) {
      const ask = this.#take(answer, link);
      if (answer.effects.length > 0) {
        const { idempotencyKey } = link.command.call;
        await this.#carryOut(answer.effects, { idempotencyKey, chain: link.chain, ask });
      }
      if (answer.kind === "failure") throw answer.error;
      if (answer.kind !== "forward") return answer;
      link = this.#forward(answer.call, link, ask);
      const { method } = link.command;
      if (method.kind === "action" && answersWithStream(method)) {
        return { kind: "stream", outcomes: this.#stream(method, link.command), from: link };
      }
      answer = await this.#give(link);
    }
  }

  async #give({ command, chain }: Link): Promise<Outcome> {
    try {
      return await this.give(command, chain.lineage);
    } catch (thrown) {
      throw this.noteFailure(thrown, chain);
    }
  }

  #take(outcome: Outcome, { asked, chain }: Link): Ask {
    const { options, random } = this.#dependencies;
    try {
      return asked.take(outcome, options, random);
    } catch (thrown) {
      throw this.noteFailure(thrown, chain);
    }
  }

  /** Carries out stored effects of an entity again, in the place of one asynchronous effect. Resolves when they end. */
  async carryOutAgain(effects: readonly SideEffect[], entity: string): Promise<void> {
    await this.#places.acquire();
    this.#dependencies.logger.debug("side effects are carried out again", { entity, count: effects.length });
    await this.#inBackground(() =>
      this.#carryOut(effects, { idempotencyKey: undefined, chain: recordedLink(entity), ask: NO_ASK }),
    );
  }

  /** From now on no effect is tried again. Resolves when no effect is under way; the caller bounds the wait. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #stream(method: ActionMethod, { payload, call }: Command): AsyncIterable<Outcome> {
    return this.#dependencies.actions.streamed({ method, input: only(payload), call });
  }

  #forward(to: Call, { command, chain, asked }: Link, { lineage, forwardsBefore }: Ask): Link {
    const { idempotencyKey: key } = command.call;
    const method = this.#target(to, "forward", chain, lineage);
    const isCallersStream = asked.answers === "callers-stream";
    const again = forwardsBefore === 0 ? "" : `-${forwardsBefore}`;
    return {
      command: {
        method,
        payload: to.payload,
        call: forwardedCall(
          command.call,
          to.metadata,
          key === undefined ? undefined : `${key}/forward${again}`,
        ),
      },
      chain: nextLink(method, "forward", chain, lineage),
      asked: new Asked(
        lineage,
        !answersWithStream(method) ? "one" : isCallersStream ? "callers-stream" : "stream",
      ),
    };
  }

  /**
   * The method that a forward or side effect names. The details of a wrong target go to the log and the report,
   * because callers must not see them.
   *
   * @throws StatusError without these details.
   */
  #target(call: Call, kind: "forward" | "effect", chain: Chain, lineage: Lineage): ServedMethod {
    const { served: servedNow, logger, reportError } = this.#dependencies;
    const served = servedNow();
    if (served === undefined) {
      const text = "the user function is not available; try again later";
      throw routerError(Status.UNAVAILABLE, "USER_FUNCTION_UNAVAILABLE", text);
    }
    const found = findTarget(served, call);
    if (typeof found !== "string") return found;
    const trace = describeCause(kind, chain);
    logger.warn("target cannot be used", { problem: found, trace, origin: lineage.origin });
    reportError(`${found}, ${trace}`);
    throw badTarget();
  }

  /** Never rejects. */
  async #carryOut(effects: readonly SideEffect[], origin: Origin): Promise<void> {
    for (const [index, effect] of effects.entries()) {
      if (origin.chain.inFlight) {
        await this.#effect(effect, index, origin);
      } else if (!effect.synchronous) {
        await this.#places.acquire();
        void this.#inBackground(() => this.#effect(effect, index, origin));
      } else if (await this.#failsForNow(effect, index, origin, { attempt: 1, inFlight: false })) {
        if (this.#places.tryAcquire()) void this.#inBackground(() => this.#effect(effect, index, origin, 2));
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
  async #effect(effect: SideEffect, index: number, origin: Origin, from = 1): Promise<void> {
    const { clock, random, options, effectMemory } = this.#dependencies;
    const { signal } = this.#stopping;
    if (effectMemory.available <= 0) await effectMemory.untilAvailable();
    for (let attempt = from; attempt <= options.maxEffectTries; attempt++) {
      if (attempt > 1) {
        await sleep(clock, backoffMs(attempt - 1, PAUSE, random), signal);
        if (signal.aborted) break;
      }
      if (!(await this.#failsForNow(effect, index, origin, { attempt, inFlight: true }))) return;
    }
    effect.onEnd?.(false);
  }

  /**
   * Tries an effect once. True if it is stored in a record and has to be tried again; else it has ended. Never
   * rejects.
   */
  async #failsForNow(
    effect: SideEffect,
    index: number,
    origin: Origin,
    { attempt, inFlight }: { readonly attempt: number; readonly inFlight: boolean },
  ): Promise<boolean> {
    const failure = await this.#try(effect, index, origin, inFlight);
    if (failure !== undefined) {
      const isPassing = effect.onEnd !== undefined && mayPass(failure);
      this.#onEffectFailed(effect, origin, failure, isPassing ? attempt : undefined);
      if (isPassing) return true;
    }
    effect.onEnd?.(true);
    return false;
  }

  async #try(
    effect: SideEffect,
    index: number,
    { idempotencyKey: key, chain, ask }: Origin,
    inFlight: boolean,
  ): Promise<StatusError | undefined> {
    const bytes = this.#dependencies.effectMemory.patientCharge();
    bytes.overdraw(effect.payload.length);
    try {
      const lineage = effect.lineage ?? ask.lineage;
      const method = this.#target(effect, "effect", chain, lineage);
      const number = ask.effectsBefore + index;
      const ownKey = key === undefined ? undefined : `${key}/effect-${number}`;
      const hasStream = answersWithStream(method);
      const link: Link = {
        command: {
          method,
          payload: effect.payload,
          call: callerlessCall(bytes, effect.metadata, effect.idempotencyKey ?? ownKey),
        },
        chain: nextLink(method, "effect", chain, lineage, inFlight),
        asked: new Asked(lineage, hasStream ? "stream" : "one"),
      };
      if (method.kind === "action" && hasStream) {
        await this.#consume({ kind: "stream", outcomes: this.#stream(method, link.command), from: link });
      } else {
        await this.#consume(await this.settle(await this.#give(link), link));
      }
      return undefined;
    } catch (thrown) {
      return toStatusError(thrown);
    } finally {
      bytes.close();
    }
  }

  /** Discards the answers to an effect, but carries out the effects and forwards that they ask for. */
  async #consume(settled: Settled): Promise<void> {
    if (settled.kind !== "stream") return;
    for await (const outcome of settled.outcomes)
      await this.#consume(await this.settle(outcome, settled.from));
  }

  /** @param attempt the number of the try, if the failure may pass; undefined: the effect has ended. */
  #onEffectFailed(
    { serviceName, commandName, lineage }: SideEffect,
    { chain, ask }: Origin,
    failure: StatusError,
    attempt: number | undefined,
  ): void {
    const { logger, reportError } = this.#dependencies;
    const { code, message } = failure;
    const { origin } = lineage ?? ask.lineage;
    const effect = `${serviceName}.${commandName}`;
    const trace = describeCause("effect", chain);
    // No report if the failure may pass, because the user function did not cause it, nor if it was reported already.
    if (attempt !== undefined) {
      return logger.warn("side effect failed for now", {
        effect,
        trace,
        origin,
        attempt,
        code,
        error: failure,
      });
    }
    logger.warn("side effect failed", { effect, trace, origin, code, error: failure });
    if (code !== "BAD_TARGET" && !isRefusal(code))
      reportError(`${effect} failed: ${message} (${code}), ${trace}`);
  }
}
