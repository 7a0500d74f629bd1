// SPDX-License-Identifier: Apache-2.0

import type { Outcome, ReplyOutcome, SideEffect } from "../entity/mod.ts";
import { CALLERS_LINEAGE } from "../entity/mod.ts";
import { Status } from "../grpc/mod.ts";
import { messageTypeUrl } from "../protocol/mod.ts";
import type { ActionMethod, ServedMethod } from "../userfunction/mod.ts";
import { methodName } from "../userfunction/mod.ts";

import { answersWithStream, onlyAnswer } from "./answers.ts";
import type { Answers } from "./asked.ts";
import { Asked } from "./asked.ts";
import type { Link, RouterDependencies, Settled } from "./carrier.ts";
import { Carrier } from "./carrier.ts";
import { firstLink } from "./chain.ts";
import type { Command, CommandReply, Dispatch, StreamedCommand } from "./command.ts";
import { badTarget, routerError } from "./router-error.ts";

/**
 * Hands each command to the entity or action of its method, has the forwards and side effects of the answer carried
 * out (`Carrier`), and gives the reply.
 *
 * 1. Most replies ask for no side effects. Such a reply costs no more than handing the command over.
 * 2. Each answer of a stream is settled before the next one is asked for, so replies keep their order.
 * 3. A failure ends the caller's stream, and with it the stream to the user function.
 * 4. A reply of the wrong type is reported. It is delivered, as in Cloudstate, because its bytes may be right.
 */
export class Router implements Dispatch {
  readonly #dependencies: RouterDependencies;
  readonly #carrier: Carrier;

  constructor(dependencies: RouterDependencies) {
    this.#dependencies = dependencies;
    this.#carrier = new Carrier(dependencies);
  }

  async unary(command: Command): Promise<CommandReply> {
    let outcome: Outcome;
    try {
      outcome = await this.#carrier.give(command, CALLERS_LINEAGE);
    } catch (thrown) {
      throw this.#carrier.noteFailure(thrown, firstLink(command.method));
    }
    if (isPlainReply(outcome)) return this.#reply(command.method, outcome);
    return this.#onlyReply(outcome, first(command, "one"));
  }

  async *streamed({
    method,
    input,
    onEnd,
    call,
  }: StreamedCommand): AsyncGenerator<CommandReply, void, undefined> {
    if (method.kind !== "action") {
      throw routerError(Status.INTERNAL, "INTERNAL", `${methodName(method)} takes no streams`);
    }
    const outcomes = this.#dependencies.actions.streamed({ method, input, call, ...(onEnd && { onEnd }) });
    const command = { method, payload: NO_BYTES, call };
    const hasStream = answersWithStream(method);
    const from = first(command, hasStream ? "callers-stream" : "one");
    if (hasStream) yield* this.#replies(outcomes, from, this.#replyReader(method));
    else yield this.#onlyReply(await onlyAnswer(outcomes), from);
  }

  /** Carries out stored side effects of an entity again. Resolves when they have ended. Never rejects. */
  carryOutAgain(effects: readonly SideEffect[], entity: string): Promise<void> {
    return this.#carrier.carryOutAgain(effects, entity);
  }

  /** Stops trying side effects again. Resolves when none is under way; the caller bounds the wait. */
  stop(): Promise<void> {
    return this.#carrier.stop();
  }

  async *#replies(
    outcomes: AsyncIterable<Outcome>,
    from: Link,
    read: (outcome: ReplyOutcome) => CommandReply,
  ): AsyncGenerator<CommandReply, void, undefined> {
    for await (const outcome of outcomes) {
      const settled: Settled = isPlainReply(outcome) ? outcome : await this.#carrier.settle(outcome, from);
      if (settled.kind === "reply") yield read(settled);
      else if (settled.kind === "stream") yield* this.#replies(settled.outcomes, settled.from, read);
    }
  }

  /** The reply to a command that has exactly one. */
  async #onlyReply(outcome: Outcome, from: Link): Promise<CommandReply> {
    const { method } = from.command;
    const settled = await this.#carrier.settle(outcome, from);
    switch (settled.kind) {
      case "reply":
        return this.#reply(method, settled);
      case "nothing": {
        const text = "the user function answered without a reply";
        throw routerError(Status.INTERNAL, "NO_REPLY", text);
      }
      case "stream": {
        const target = methodName(settled.from.command.method);
        const text = `${methodName(method)} has one reply, but was forwarded to ${target}, which has a stream of them`;
        this.#dependencies.reportError(text);
        throw badTarget();
      }
    }
  }

  /** Gives a function for the replies of one stream, which reports the first reply of the wrong type. */
  #replyReader(method: ActionMethod): (outcome: ReplyOutcome) => CommandReply {
    const expected = messageTypeUrl(method.desc.output.typeName);
    let complained = false;
    return (outcome) => {
      if (outcome.typeUrl === expected || complained) return outcome;
      complained = true;
      return this.#reply(method, outcome);
    };
  }

  #reply(method: ServedMethod, outcome: ReplyOutcome): CommandReply {
    const expected = messageTypeUrl(method.desc.output.typeName);
    if (outcome.typeUrl !== expected) {
      const { logger, reportError } = this.#dependencies;
      const name = methodName(method);
      logger.warn("reply of the wrong type", { method: name, expected, got: outcome.typeUrl });
      reportError(`${name} answered ${outcome.typeUrl}, but ${expected} is declared`);
    }
    return outcome;
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
