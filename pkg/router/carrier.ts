// SPDX-License-Identifier: Apache-2.0

import { backoffMs, Semaphore, sleep } from "../base/mod.ts";
import type { Account, BackoffOptions, Clock, Logger, Random } from "../base/mod.ts";
import { callerlessCall, forwardedCall } from "../call/mod.ts";
import { mayPass } from "../entity/mod.ts";
import type {
  ActionCall,
  ActionStreamCall,
  Call,
  EntityCommand,
  Lineage,
  LineageLimits,
  NoReplyOutcome,
  Outcome,
  ReplyOutcome,
  SideEffect,
} from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import type { ActionMethod, ServedMethod } from "../userfunction/mod.ts";

import { answersWithStream, only, onlyAnswer } from "./answers.ts";
import { Asked, NO_ASK } from "./asked.ts";
import type { Ask } from "./asked.ts";
import { describeCause, findTarget, nextLink, recordedLink } from "./chain.ts";
import type { Chain, Targets } from "./chain.ts";
import type { Command } from "./command.ts";
import { readEntityId } from "./entity-id.ts";
import type { EntityIdRules } from "./entity-id.ts";
import { isRefusal, Refusals } from "./refusals.ts";
import { badTarget, routerError, toStatusError } from "./router-error.ts";

/** Beside the bounds of what may follow from one command of a caller, and what is asked of entity ids. */
export interface RouterOptions extends LineageLimits, EntityIdRules {
  /** Asynchronous side effects under way; a command with further ones waits. */
  readonly maxOpenEffects: number;
  /** How often a side effect of an entity is tried whose target cannot be asked; then it is left for later. */
  readonly maxEffectTries: number;
}

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

/** What is left of an outcome when its effects are carried out and its forwards followed. */
export type Settled =
  | ReplyOutcome
  | NoReplyOutcome
  /** It was forwarded to a method that answers with a stream. None of these is settled. */
  | { readonly kind: "stream"; readonly outcomes: AsyncIterable<Outcome>; readonly from: Link };

/** A command, and how it came about. */
export interface Link {
  readonly command: Command;
  readonly chain: Chain;
  readonly asked: Asked;
}

/** Whose side effects are carried out. */
interface Origin {
  readonly idempotencyKey: string | undefined;
  readonly chain: Chain;
  readonly ask: Ask;
}

/** Between the tries of one effect. */
const PAUSE: BackoffOptions = { minMs: 100, maxMs: 5_000, jitter: 0.2 };

/**
 * Carries out what user functions ask for with their answers: side effects and forwards, of any kind of service to any
 * other.
 *
 * 1. Effects come before the answer, in their order: a synchronous one is waited for, an asynchronous one started. What
 *    becomes of an effect never changes the answer; its failure is logged and reported.
 * 2. Effects of effects and of forwards are carried out too. A chain has at most `maxForwardDepth` links, and from one
 *    command of a caller at most `maxDescendants` forwards and effects follow (I11, `Lineage`).
 * 3. At most `maxOpenEffects` asynchronous effects are under way (I11). Within one, further ones run in its own place,
 *    one after the other: if they waited for places of their own, all places could wait for each other.
 * 4. A forward goes on for the caller: with its deadline, and cancelled with it. An effect goes on without the caller.
 * 5. Where a command has an idempotency key, what follows from it has keys that follow from that (I7).
 * 6. An effect that an entity has on record is done when its target has answered, were it with a failure. If the target
 *    could not be asked, for a reason that may pass, it is tried again, `maxEffectTries` times in all and in a place among
 *    those under way; then it is given up for now. Who waits for a synchronous one waits for its first try only.
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

  /** Gives a command with one answer to what is behind its method. @throws StatusError, and nothing else. */
  give(command: Command, lineage: Lineage): Promise<Outcome> {
    const { method, payload, call } = command;
    if (method.kind === "action") {
      if (method.desc.methodKind !== "unary") return onlyAnswer(this.#stream(method, command));
      return this.#dependencies.actions.unary({ method, payload, call });
    }
    const entityId = readEntityId(method, payload, this.#dependencies.options);
    return this.#dependencies.entities.dispatch({ method, entityId, payload, lineage, call });
  }

  /** Tells the user function's developer if a command failed since it asks for too much. Gives the failure back. */
  noteFailure(thrown: unknown, chain: Chain): unknown {
    if (thrown instanceof StatusError) this.#refusals.tell(thrown, chain);
    return thrown;
  }

  /** @throws StatusError if the answer is a failure, or a forward that cannot be followed; and nothing else. */
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

  /** Carries out effects of an entity that are on record, as one asynchronous effect. Resolves when they have ended. */
  async carryOutAgain(effects: readonly SideEffect[], entity: string): Promise<void> {
    await this.#places.acquire();
    this.#dependencies.logger.debug("side effects are carried out again", { entity, count: effects.length });
    await this.#inBackground(() =>
      this.#carryOut(effects, { idempotencyKey: undefined, chain: recordedLink(entity), ask: NO_ASK }),
    );
  }

  /** From now on nothing is tried a second time. Resolves when no effect is under way; the caller bounds the wait. */
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

  /** @throws StatusError that says nothing of the user function's insides; the report says it all. */
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

  /** In a place that the caller has acquired. */
  #inBackground(work: () => Promise<void>): Promise<void> {
    const running = work().finally(() => {
      this.#places.release();
      this.#underWay.delete(running);
    });
    this.#underWay.add(running);
    return running;
  }

  /** Carries out an effect in a place of its own, from this try on. Never rejects. */
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

  /** One try. True if the effect is on record and has to be tried again; else it has ended. Never rejects. */
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

  /** An effect's answers matter to nobody, but what they ask for is carried out. */
  async #consume(settled: Settled): Promise<void> {
    if (settled.kind !== "stream") return;
    for await (const outcome of settled.outcomes)
      await this.#consume(await this.settle(outcome, settled.from));
  }

  /** @param attempt If it is tried again, or was for the last time for now. */
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
    // What the user function did not cause it need not be told, and what is wrong with a target it has been told.
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
