// SPDX-License-Identifier: Apache-2.0

import type { Sent, Sight, Span } from "./history-checker.ts";

/** What a caller can ask an entity to do. An entity is a list or a register, and empty at first. */
export type Action =
  /** Adds a value to the end of a list. */
  | { readonly kind: "append"; readonly input: string }
  /** Asks for all values of a list, or for their number. */
  | { readonly kind: "list" }
  | { readonly kind: "count" }
  /** Replaces the value of a register, or deletes it. */
  | { readonly kind: "write"; readonly input: string | null }
  | { readonly kind: "read" };

/** What each kind of action answers. */
export interface Outputs {
  /** `total`: the number of values, this one included, if the answer says it. */
  readonly append: { readonly total?: number };
  readonly list: readonly string[];
  readonly count: number;
  readonly write: Readonly<Record<string, never>>;
  readonly read: string | null;
}

export type Kind = Action["kind"];

export type Outcome =
  | { readonly kind: "returned"; readonly output: Outputs[Kind]; readonly returnUs: number }
  /** It certainly had no effect and never will. */
  | { readonly kind: "refused" }
  /** No answer came, or one that says nothing: it may take effect at any time after the call, or never. */
  | { readonly kind: "unknown" };

/** All times are whole microseconds of one monotonic clock. */
export interface Operation {
  readonly entity: string;
  /** Who called, and through whom, for people who read a counterexample. */
  readonly process: string;
  readonly action: Action;
  readonly callUs: number;
  readonly outcome: Outcome;
}

/** An operation that was called. Its outcome is unknown until one of these is called. */
export interface Pending<K extends Kind> {
  returned(output: Outputs[K]): void;
  refused(): void;
}

/** Microseconds of a clock that all processes of a machine share, since the machine was started. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/**
 * Records what callers did and saw, in memory.
 *
 * 1. `begin` comes before the request is sent, and `returned` after its answer came, so that the operation's moment is
 *    between its two times.
 * 2. A command that is sent again under the same idempotency key is one operation, from the first call to the last
 *    answer.
 */
export class HistoryRecorder {
  readonly #operations: Operation[] = [];
  readonly #nowUs: () => number;

  constructor(nowUs: () => number = monotonicUs) {
    this.#nowUs = nowUs;
  }

  /** In the order of their calls. */
  get operations(): readonly Operation[] {
    return this.#operations;
  }

  begin<K extends Kind>(
    entity: string,
    process: string,
    action: Extract<Action, { readonly kind: K }>,
  ): Pending<K> {
    const begun = { entity, process, action, callUs: this.#nowUs() };
    const index = this.#operations.push({ ...begun, outcome: { kind: "unknown" } }) - 1;
    const settle = (outcome: Outcome): void => {
      this.#operations[index] = { ...begun, outcome };
    };
    return {
      returned: (output) => settle({ kind: "returned", output, returnUs: this.#nowUs() }),
      refused: () => settle({ kind: "refused" }),
    };
  }
}

/** What callers did to one list and saw of it, in the form that is compared with its stored records. */
export interface Story extends Required<Sent> {
  readonly sights: readonly Sight[];
}

/** The same history by entity, for `checkHistory` and `checkSights`. The values are the tokens. */
export function storiesOf(operations: readonly Operation[]): Map<string, Story> {
  const stories = new Map<string, GrowingStory>();
  for (const { entity, action, callUs: sentAt, outcome } of operations) {
    const story = stories.get(entity) ?? emptyStory();
    stories.set(entity, story);
    const answeredAt = outcome.kind === "returned" ? outcome.returnUs : Number.POSITIVE_INFINITY;
    if (action.kind === "append") {
      const tokens = { returned: story.acknowledged, refused: story.refused, unknown: story.unacknowledged };
      tokens[outcome.kind].push(action.input);
      story.times.set(action.input, { sentAt, answeredAt });
    } else if (action.kind === "list" && outcome.kind === "returned") {
      story.sights.push({ tokens: outcome.output as Outputs["list"], sentAt, answeredAt });
    }
  }
  return stories;
}

interface GrowingStory {
  readonly acknowledged: string[];
  readonly unacknowledged: string[];
  readonly refused: string[];
  readonly times: Map<string, Span>;
  readonly sights: Sight[];
}

export function emptyStory(): GrowingStory {
  return { acknowledged: [], unacknowledged: [], refused: [], times: new Map(), sights: [] };
}
