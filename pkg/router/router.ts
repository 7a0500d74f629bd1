// SPDX-License-Identifier: Apache-2.0

import type { CallContext } from "../call/mod.ts";
import type { Command, Outcome, ReplyOutcome, SideEffect, StreamedCommand } from "../entity/mod.ts";
import { CALLERS_LINEAGE } from "../entity/mod.ts";
import { messageTypeUrl } from "../protocol/mod.ts";
import type { Values } from "../settings/mod.ts";
import { traceFields } from "../telemetry/mod.ts";
import type { ServedMethod } from "../userfunction/mod.ts";
import { methodName, unavailable } from "../userfunction/mod.ts";

import { answersWithStream, onlyAnswer } from "./answers.ts";
import type { Answers } from "./asked.ts";
import { Asked } from "./asked.ts";
import type { Chain } from "./chain.ts";
import { firstLink } from "./chain.ts";
import type { CommandReply, Dispatch } from "./dispatch.ts";
import type { Settlement, WireCommand } from "./peers.ts";
import { badTarget, noReply, toStatusError } from "./router-error.ts";
import type { ROUTER_SETTINGS } from "./settings.ts";
import type { Link, Settled, SettlerDependencies } from "./settler.ts";
import { Settler } from "./settler.ts";

export type RouterOptions = Values<typeof ROUTER_SETTINGS>;

/**
 * Hands each command to the entity or action of its method, has the forwards and side effects of the answer carried
 * out (`Settler`), and gives the reply.
 *
 * 1. Most replies ask for no side effects. Such a reply costs no more than handing the command over.
 * 2. Each answer of a stream is settled before the next one is asked for, so replies keep their order.
 * 3. A failure ends the caller's stream, and with it the stream to the user function.
 * 4. A reply of the wrong type is reported. It is delivered, as in Cloudstate, because its bytes may be right.
 * 5. The log says each failure of a caller's command, at level `debug`, because most are the caller's own, or refusals
 *    of the user function. What an operator should know is logged where it goes wrong, at a higher level.
 */
export class Router implements Dispatch {
  readonly #dependencies: SettlerDependencies;
  readonly #settler: Settler;

  constructor(dependencies: SettlerDependencies) {
    this.#dependencies = dependencies;
    this.#settler = new Settler(dependencies);
  }

  async unary(command: Command): Promise<CommandReply> {
    let outcome: Outcome;
    try {
      outcome = await this.#settler.dispatch(command, CALLERS_LINEAGE);
    } catch (thrown) {
      const failure = this.#settler.noteFailure(thrown, firstLink(command.method), command.call.trace);
      throw this.#logFailure(command, failure);
    }
    if (isPlainReply(outcome)) return this.#reply(command, outcome);
    try {
      return await this.#onlyReply(outcome, first(command, "one"));
    } catch (thrown) {
      throw this.#logFailure(command, thrown);
    }
  }

  async *streamed({
    method,
    input,
    onEnd,
    call,
  }: StreamedCommand): AsyncGenerator<CommandReply, void, undefined> {
    const { runtimes } = this.#dependencies;
    const command = { method, payload: NO_BYTES, call };
    try {
      const outcomes = runtimes.streamed({ method, input, call, ...(onEnd && { onEnd }) });
      const hasStream = answersWithStream(method);
      const from = first(command, hasStream ? "callers-stream" : "one");
      if (hasStream) yield* this.#replies(outcomes, from, this.#replyReader(command));
      else yield await this.#onlyReply(await onlyAnswer(outcomes), from);
    } catch (thrown) {
      throw this.#logFailure(command, thrown);
    }
  }

  /**
   * Carries out a command that another proxy sent here, because this one owns the shard of its entity (ADR 24).
   * Settles the outcome, so that nothing of it is left to do for the sender.
   *
   * @throws StatusError, and nothing else.
   */
  async fromPeer(wire: WireCommand, call: CallContext): Promise<Settlement> {
    const { lineage, payload } = wire;
    const method = this.#methodOf(wire);
    const chain: Chain = { ...firstLink(method), lineage };
    const command = { method, payload, call: { ...call, hops: wire.hops } };
    try {
      const outcome = await this.#settler.dispatch(command, lineage);
      return await this.#settledOnce(outcome, { command, chain, asked: new Asked(lineage, "one") });
    } catch (thrown) {
      throw this.#settler.noteFailure(thrown, chain, call.trace);
    }
  }

  /** Asynchronous side effects that are under way, and commands that wait because there are too many. */
  get openEffects(): { readonly working: number; readonly waiting: number } {
    return this.#settler.effects.open;
  }

  /** Carries out stored side effects of an entity again. Resolves when they have ended. Never rejects. */
  carryOutAgain(effects: readonly SideEffect[], entity: string): Promise<void> {
    return this.#settler.effects.carryOutAgain(effects, entity);
  }

  /** Stops trying side effects again. Resolves when none is under way; the caller bounds the wait. */
  stop(): Promise<void> {
    return this.#settler.effects.stop();
  }

  async *#replies(
    outcomes: AsyncIterable<Outcome>,
    from: Link,
    read: (outcome: ReplyOutcome) => CommandReply,
  ): AsyncGenerator<CommandReply, void, undefined> {
    for await (const outcome of outcomes) {
      const settled: Settled = isPlainReply(outcome) ? outcome : await this.#settler.settle(outcome, from);
      if (settled.kind === "reply") yield read(settled);
      else if (settled.kind === "stream") yield* this.#replies(settled.outcomes, settled.from, read);
    }
  }

  #methodOf({ service, method: name }: WireCommand): ServedMethod {
    const served = this.#dependencies.served();
    if (served === undefined) {
      const text =
        "the user function of the proxy that owns the entity's shard is not available; try again later";
      throw unavailable(text);
    }
    const method = served.services.get(service)?.methods.get(name);
    if (method !== undefined) return method;
    const text = `the proxy that owns the entity's shard serves no ${service}.${name}: it runs another version`;
    throw unavailable(text);
  }

  /** The reply to a command that has exactly one. */
  async #onlyReply(outcome: Outcome, from: Link): Promise<CommandReply> {
    const settled = await this.#settledOnce(outcome, from);
    if (settled.kind === "reply") return this.#reply(from.command, settled);
    throw noReply();
  }

  /** Settles the outcome of a command that has one answer at most. */
  async #settledOnce(outcome: Outcome, from: Link): Promise<Settlement> {
    const settled = await this.#settler.settle(outcome, from);
    if (settled.kind !== "stream")
      return settled.effects.length === 0 ? settled : { ...settled, effects: [] };
    const target = methodName(settled.from.command.method);
    const text = `${methodName(from.command.method)} has one reply, but was forwarded to ${target}, which has a stream of them`;
    this.#dependencies.reportError(text);
    const error = badTarget();
    // Nobody reads the stream, so its end, with which the span would end, never comes.
    settled.from.span?.end(error);
    throw error;
  }

  /** Gives a function for the replies of one stream, which reports the first reply of the wrong type. */
  #replyReader(command: Command): (outcome: ReplyOutcome) => CommandReply {
    const expected = messageTypeUrl(command.method.desc.output.typeName);
    let complained = false;
    return (outcome) => {
      if (outcome.typeUrl === expected || complained) return outcome;
      complained = true;
      return this.#reply(command, outcome);
    };
  }

  #reply({ method, call }: Command, outcome: ReplyOutcome): CommandReply {
    const expected = messageTypeUrl(method.desc.output.typeName);
    if (outcome.typeUrl !== expected) {
      const { telemetry, reportError } = this.#dependencies;
      const name = methodName(method);
      const fields = { method: name, expected, got: outcome.typeUrl, ...traceFields(call.trace) };
      telemetry.logger.warn("reply of the wrong type", fields);
      reportError(`${name} answered ${outcome.typeUrl}, but ${expected} is declared`);
    }
    return outcome;
  }

  /** (5) Gives the failure back. */
  #logFailure({ method, call }: Command, failure: unknown): unknown {
    const { code } = toStatusError(failure);
    const fields = { method: methodName(method), code, error: failure, ...traceFields(call.trace) };
    this.#dependencies.telemetry.logger.debug("command failed", fields);
    return failure;
  }
}

/** A caller's own command. */
function first(command: Command, answers: Answers): Link {
  return { command, chain: firstLink(command.method), asked: new Asked(CALLERS_LINEAGE, answers) };
}

/** Whether the outcome is a reply without side effects. */
function isPlainReply(outcome: Outcome): outcome is ReplyOutcome {
  return outcome.kind === "reply" && outcome.effects.length === 0;
}

const NO_BYTES = new Uint8Array(0);
