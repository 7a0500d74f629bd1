// SPDX-License-Identifier: Apache-2.0

import { callerlessCall, forwardedCall } from "../call/mod.ts";
import type {
  Call,
  Lineage,
  LineageLimits,
  NoReplyOutcome,
  Outcome,
  ReplyOutcome,
  SideEffect,
} from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";
import { unavailable } from "../userfunction/mod.ts";

import { answersWithStream, only } from "./answers.ts";
import type { Ask } from "./asked.ts";
import { Asked } from "./asked.ts";
import type { Chain, Targets } from "./chain.ts";
import { describeCause, findTarget, nextLink } from "./chain.ts";
import type { Command } from "./command.ts";
import { Refusals } from "./refusals.ts";
import { badTarget, toStatusError } from "./router-error.ts";
import type { ServiceRuntimes } from "./service-runtimes.ts";
import type { Origin, SideEffectDependencies, SideEffectOptions } from "./side-effects.ts";
import { SideEffects } from "./side-effects.ts";

export interface SettlerDependencies extends SideEffectDependencies {
  readonly runtimes: ServiceRuntimes;
  /** What is served at the moment, for the targets of forwards and side effects; undefined: nothing. */
  readonly served: () => Targets | undefined;
  readonly options: SideEffectOptions & LineageLimits;
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

/**
 * Settles the outcomes of commands: has the side effects carried out that user functions ask for with their answers,
 * and follows the forwards, from any kind of service to any other.
 *
 * 1. Effects are carried out, or started, before the answer is given (`SideEffects`). Effects of effects and of
 *    forwards are carried out too.
 * 2. A chain has at most `maxForwardDepth` links, and from one command of a caller at most `maxDescendants` forwards
 *    and effects follow (I11; `Lineage`: how many commands may still follow from a caller's command).
 * 3. A forward keeps the caller's deadline, and is cancelled if the caller leaves. An effect continues without the
 *    caller.
 * 4. If a command has an idempotency key, the keys of its forwards and effects are derived from that key (I7).
 */
export class Settler {
  readonly #dependencies: SettlerDependencies;
  readonly #refusals: Refusals;
  readonly effects: SideEffects;

  constructor(dependencies: SettlerDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new Refusals(dependencies);
    this.effects = new SideEffects(dependencies, (...effect) => this.#askTarget(...effect));
  }

  /** Hands a command with one answer to the runtime of its service. @throws StatusError, and nothing else. */
  dispatch({ method, payload, call }: Command, lineage: Lineage): Promise<Outcome> {
    return this.#dependencies.runtimes.of(method.service).unary({ method, payload, call }, lineage);
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
        await this.effects.carryOut(answer.effects, { idempotencyKey, chain: link.chain, ask });
      }
      if (answer.kind === "failure") throw answer.error;
      if (answer.kind !== "forward") return answer;
      link = this.#forward(answer.call, link, ask);
      const { method } = link.command;
      if (answersWithStream(method)) {
        return { kind: "stream", outcomes: this.#stream(method, link.command), from: link };
      }
      answer = await this.#ask(link);
    }
  }

  async #ask({ command, chain }: Link): Promise<Outcome> {
    try {
      return await this.dispatch(command, chain.lineage);
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

  #stream(method: ServedMethod, { payload, call }: Command): AsyncIterable<Outcome> {
    return this.#dependencies.runtimes.streamed(method)({ method, input: only(payload), call });
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
      throw unavailable("the user function is not available; try again later");
    }
    const found = findTarget(served, call);
    if (typeof found !== "string") return found;
    const trace = describeCause(kind, chain);
    logger.warn("target cannot be used", { problem: found, trace, origin: lineage.origin });
    reportError(`${found}, ${trace}`);
    throw badTarget();
  }

  async #askTarget(
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
      if (hasStream) {
        await this.#consume({ kind: "stream", outcomes: this.#stream(method, link.command), from: link });
      } else {
        await this.#consume(await this.settle(await this.#ask(link), link));
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
}
