// SPDX-License-Identifier: Apache-2.0

import { callerlessCall } from "../call/mod.ts";
import type { Call, Command, Lineage, LineageLimits, Outcome } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";
import type { Span, TraceContext, Tracer } from "../telemetry/mod.ts";
import { ATTRIBUTES, NO_TRACER, traceFields } from "../telemetry/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";
import { unavailable } from "../userfunction/mod.ts";

import { answersWithStream, only } from "./answers.ts";
import type { Ask } from "./asked.ts";
import { Asked } from "./asked.ts";
import type { Chain, Targets } from "./chain.ts";
import { describeCause, findTarget, nextLink } from "./chain.ts";
import type { Settlement } from "./peers.ts";
import { Refusals } from "./refusals.ts";
import { badTarget, toStatusError } from "./router-error.ts";
import type { ServiceRuntimes } from "./service-runtimes.ts";
import type { AskTarget, SideEffectDependencies, SideEffectOptions, Task } from "./side-effects.ts";
import { SideEffects } from "./side-effects.ts";

export interface SettlerDependencies extends SideEffectDependencies {
  readonly runtimes: ServiceRuntimes;
  /** What is served at the moment, for the targets of forwards and side effects; undefined: nothing. */
  readonly served: () => Targets | undefined;
  readonly options: SideEffectOptions & LineageLimits;
}

/** The result of an outcome after its side effects were carried out, or started, and its forwards followed. */
export type Settled =
  | Settlement
  /** The command was forwarded to a method that answers with a stream. Its outcomes are not settled yet. */
  | { readonly kind: "stream"; readonly outcomes: AsyncIterable<Outcome>; readonly from: Link };

/** A command, how it came about, and what it has asked for so far. */
export interface Link {
  readonly command: Command;
  readonly chain: Chain;
  readonly asked: Asked;
  /** Of a forward; it ends with the answer. */
  readonly span?: Span;
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
 * 5. Forwards and effects are spans, children of that of the command which asks for them. An effect that is carried out
 *    again for no command begins a trace, linked to the span that stored it.
 */
export class Settler {
  readonly #dependencies: SettlerDependencies;
  readonly #refusals: Refusals;
  readonly effects: SideEffects;

  constructor(dependencies: SettlerDependencies) {
    this.#dependencies = dependencies;
    this.#refusals = new Refusals(dependencies);
    const { tracer } = dependencies.telemetry;
    const ask: AskTarget = (task, inFlight) => this.#askTarget(task, inFlight, undefined);
    this.effects = new SideEffects(dependencies, tracer === NO_TRACER ? ask : this.#tracedAsk(tracer));
  }

  /** Hands a command with one answer to the runtime of its service. @throws StatusError, and nothing else. */
  dispatch(command: Command, lineage: Lineage): Promise<Outcome> {
    return this.#dependencies.runtimes.of(command.method.service).unary(command, lineage);
  }

  /** Reports a command that failed because it asked for too many forwards and side effects. Gives the failure back. */
  noteFailure(thrown: unknown, chain: Chain, trace: TraceContext | undefined): unknown {
    if (thrown instanceof StatusError) this.#refusals.tell(thrown, chain, trace);
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
        const { idempotencyKey, trace } = link.command.call;
        await this.effects.carryOut(answer.effects, { idempotencyKey, chain: link.chain, ask, trace });
      }
      if (answer.kind === "failure") throw answer.error;
      if (answer.kind !== "forward") return answer;
      link = this.#forward(answer.call, link, ask);
      if (answersWithStream(link.command.method)) return this.#stream(link);
      answer = await this.#ask(link);
    }
  }

  async #ask({ command, chain, span }: Link): Promise<Outcome> {
    try {
      const outcome = await this.dispatch(command, chain.lineage);
      span?.end(outcome.kind === "failure" ? outcome.error : undefined);
      return outcome;
    } catch (thrown) {
      span?.end(thrown);
      throw this.noteFailure(thrown, chain, command.call.trace);
    }
  }

  #take(outcome: Outcome, { asked, chain, command }: Link): Ask {
    const { options, random } = this.#dependencies;
    try {
      return asked.take(outcome, options, random);
    } catch (thrown) {
      throw this.noteFailure(thrown, chain, command.call.trace);
    }
  }

  #stream(from: Link): Settled {
    const { command, span } = from;
    const { method, payload, call } = command;
    const outcomes = this.#dependencies.runtimes.streamed({ method, input: only(payload), call });
    const isTraced = span?.context !== undefined;
    return { kind: "stream", outcomes: isTraced ? untilEnd(outcomes, span) : outcomes, from };
  }

  #forward(to: Call, { command, chain, asked }: Link, { lineage, forwardsBefore }: Ask): Link {
    const { idempotencyKey: key } = command.call;
    const method = this.#target(to, "forward", chain, lineage, command.call.trace);
    const { payload, metadata } = to;
    const again = forwardsBefore === 0 ? "" : `-${forwardsBefore}`;
    const idempotencyKey = key === undefined ? undefined : `${key}/forward${again}`;
    const streamed = asked.answers === "callers-stream" ? "callers-stream" : "stream";
    const next = nextLink(method, "forward", chain, lineage);
    const span = this.#dependencies.telemetry.tracer.start(next.name, command.call.trace);
    span.set(ATTRIBUTES.cause, "forward");
    return {
      command: { method, payload, call: { ...command.call, metadata, idempotencyKey, trace: span.context } },
      chain: next,
      asked: new Asked(lineage, answersWithStream(method) ? streamed : "one"),
      span,
    };
  }

  /**
   * The method that a forward or side effect names. The details of a wrong target go to the log and the report,
   * because callers must not see them.
   *
   * @throws StatusError without these details.
   */
  #target(
    call: Call,
    kind: "forward" | "effect",
    chain: Chain,
    lineage: Lineage,
    span: TraceContext | undefined,
  ): ServedMethod {
    const { served: servedNow, telemetry, reportError } = this.#dependencies;
    const served = servedNow();
    if (served === undefined) {
      throw unavailable("the user function is not available; try again later");
    }
    const found = findTarget(served, call);
    if (typeof found !== "string") return found;
    const trace = describeCause(kind, chain);
    const error = badTarget();
    telemetry.logger.warn("target cannot be used", {
      code: error.code,
      problem: found,
      trace,
      origin: lineage.origin,
      ...traceFields(span),
    });
    reportError(`${found}, ${trace}`);
    throw error;
  }

  /** (5) Each try of an effect is a span. */
  #tracedAsk(tracer: Tracer): AskTarget {
    return async (task, inFlight) => {
      const { effect, origin } = task;
      const name = `${effect.serviceName}.${effect.commandName}`;
      const link = origin.trace === undefined ? effect.trace : undefined;
      const span = tracer.start(name, origin.trace, { link });
      span.set(ATTRIBUTES.cause, "effect");
      const failure = await this.#askTarget(task, inFlight, span.context);
      span.end(failure);
      return failure;
    };
  }

  async #askTarget(
    { effect, index, origin: { idempotencyKey: key, chain, ask } }: Task,
    inFlight: boolean,
    trace: TraceContext | undefined,
  ): Promise<StatusError | undefined> {
    const bytes = this.#dependencies.effectMemory.patientCharge();
    bytes.overdraw(effect.payload.length);
    try {
      const lineage = effect.lineage ?? ask.lineage;
      const method = this.#target(effect, "effect", chain, lineage, trace);
      const number = ask.effectsBefore + index;
      const ownKey = key === undefined ? undefined : `${key}/effect-${number}`;
      const hasStream = answersWithStream(method);
      const call = callerlessCall(bytes, effect.metadata, effect.idempotencyKey ?? ownKey, trace);
      const link: Link = {
        command: { method, payload: effect.payload, call },
        chain: nextLink(method, "effect", chain, lineage, inFlight),
        asked: new Asked(lineage, hasStream ? "stream" : "one"),
      };
      await this.#consume(hasStream ? this.#stream(link) : await this.settle(await this.#ask(link), link));
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

/** The same outcomes. When they end, so does the span. */
async function* untilEnd(outcomes: AsyncIterable<Outcome>, span: Span): AsyncGenerator<Outcome> {
  let failure: unknown;
  try {
    yield* outcomes;
  } catch (thrown) {
    failure = thrown;
    throw thrown;
  } finally {
    span.end(failure);
  }
}
