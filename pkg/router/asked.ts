// SPDX-License-Identifier: Apache-2.0

import type { Random } from "../base/mod.ts";
import type { Lineage, LineageLimits, Outcome } from "../entity/mod.ts";
import { CALLERS_LINEAGE, descend } from "../entity/mod.ts";
import { StatusError } from "../grpc/mod.ts";

/** How many answers a command has, and who waits for them. */
export type Answers =
  /** One. */
  | "one"
  /** Any number, to a side effect. */
  | "stream"
  /** Any number, to a caller who takes them one by one. */
  | "callers-stream";

/** The lineage of what one answer asks for, and how much earlier answers asked for. */
export interface Ask {
  readonly lineage: Lineage;
  /** How many side effects earlier answers of the same command asked for. */
  readonly effectsBefore: number;
  /** How many forwards earlier answers of the same command asked for. */
  readonly forwardsBefore: number;
}

/** For an answer that asks for nothing, and for stored side effects, each of which has its own lineage. */
export const NO_ASK: Ask = {
  lineage: { ...CALLERS_LINEAGE, budget: 0 },
  effectsBefore: 0,
  forwardsBefore: 0,
};

/**
 * If a side effect is answered by a stream, nobody knows how many answers will still ask for something. So what one
 * answer asks for does not share all that is left of the budget: each command gets one of so many parts of it.
 */
const STREAM_PARTS = 100;

/**
 * What one command has asked for so far, answer by answer: how much is left of its budget (how many commands may
 * still follow), and how many forwards and side effects it has asked for. These numbers become part of the
 * idempotency keys of the next ones.
 *
 * 1. All answers to a side effect share the budget of its command.
 * 2. Each answer of a caller's stream has a budget like a new command of the caller, because a stream may last for
 *    days and ends when the caller leaves. A stream that it is forwarded to is still the caller's stream.
 */
export class Asked {
  readonly answers: Answers;
  readonly #lineage: Lineage;
  #left: number;
  #effects = 0;
  #forwards = 0;

  constructor(lineage: Lineage, answers: Answers) {
    this.answers = answers;
    this.#lineage = lineage;
    this.#left = lineage.budget;
  }

  /** Takes in what an answer asks for. @throws StatusError if it asks for too much. */
  take(outcome: Outcome, limits: LineageLimits, random: Random): Ask {
    const effects = outcome.effects.length;
    const forwards = outcome.kind === "forward" ? 1 : 0;
    if (effects + forwards === 0) return NO_ASK;
    // The lineage of an entity's answer was made before the answer was stored.
    const lineage = outcome.lineage ?? this.#divide(effects + forwards, limits, random);
    const ask = { lineage, effectsBefore: this.#effects, forwardsBefore: this.#forwards };
    this.#effects += effects;
    this.#forwards += forwards;
    return ask;
  }

  #divide(count: number, limits: LineageLimits, random: Random): Lineage {
    const { depth } = this.#lineage;
    const isCallers = this.answers === "callers-stream";
    const of = isCallers ? { ...CALLERS_LINEAGE, depth } : { ...this.#lineage, budget: this.#left };
    const parts = this.answers === "stream" ? STREAM_PARTS : count;
    const lineage = descend(of, count, limits, random, parts);
    if (lineage instanceof StatusError) throw lineage;
    this.#left = Math.min(this.#left, limits.maxDescendants) - count * (1 + lineage.budget);
    return lineage;
  }
}
