// SPDX-License-Identifier: Apache-2.0

import fc from "fast-check";

import type { Action, Operation, Outcome, Outputs } from "../history.ts";

/** A history of one entity, without its name. */
export type Events = readonly Omit<Operation, "entity">[];

/** How an operation is drawn that was really carried out, one after the other, at the moments 100, 200 and so on. */
interface Drawn {
  readonly kind: Action["kind"];
  /** Of a register; of a list each is new. */
  readonly value: number;
  readonly saysTotal: boolean;
  /** How long the call was before the moment, and the answer after it. */
  readonly beforeUs: number;
  readonly afterUs: number;
  readonly fate: "answered" | "lost answer" | "lost request" | "refused";
}

/** Calls may be as much as five moments early and answers as much late, so that up to ten operations overlap. */
const MOMENT_US = 100;
const MOST_US = 5 * MOMENT_US;

const FATES = [
  { weight: 8, arbitrary: fc.constant("answered" as const) },
  { weight: 1, arbitrary: fc.constant("lost answer" as const) },
  { weight: 1, arbitrary: fc.constant("lost request" as const) },
  { weight: 1, arbitrary: fc.constant("refused" as const) },
];

/** Histories of real executions, lists and registers, of up to 40 operations. All are linearizable. */
export const executions: fc.Arbitrary<Events> = fc
  .constantFrom(["append", "append", "list", "count"] as const, ["write", "write", "read"] as const)
  .chain((kinds) =>
    fc.array(
      fc.record({
        kind: fc.constantFrom<Action["kind"][]>(...kinds),
        value: fc.nat(3),
        saysTotal: fc.boolean(),
        beforeUs: fc.nat(MOST_US),
        afterUs: fc.nat(MOST_US),
        fate: fc.oneof(...FATES),
      }),
      { minLength: 1, maxLength: 40, size: "max" },
    ),
  )
  .map(execute);

function execute(all: readonly Drawn[]): Events {
  const list: string[] = [];
  let register: string | null = null;
  return all.map(({ kind, value, saysTotal, beforeUs, afterUs, fate }, index) => {
    const momentUs = MOST_US + index * MOMENT_US;
    const isCarriedOut = fate === "answered" || fate === "lost answer";
    const carryOut = (): readonly [Action, Outputs[Action["kind"]]] => {
      switch (kind) {
        case "append": {
          const input = `v${index}`;
          if (isCarriedOut) list.push(input);
          return [{ kind, input }, saysTotal ? { total: list.length } : {}];
        }
        case "write": {
          const input = value === 0 ? null : `v${value}`;
          if (isCarriedOut) register = input;
          return [{ kind, input }, {}];
        }
        case "list":
          return [{ kind }, [...list]];
        case "count":
          return [{ kind }, list.length];
        case "read":
          return [{ kind }, register];
      }
    };
    const [action, output] = carryOut();
    const outcome: Outcome =
      fate === "answered"
        ? { kind: "returned", output, returnUs: momentUs + afterUs }
        : { kind: fate === "refused" ? "refused" : "unknown" };
    return { process: `p${index % 4}`, action, callUs: momentUs - beforeUs, outcome };
  });
}

/** Small histories of a list or a register, most of them nonsense: few values, times and answers, drawn anew each. */
export const nonsense: fc.Arbitrary<Events> = fc
  .constantFrom("list" as const, "register" as const)
  .chain((kind) =>
    fc
      .array(kind === "list" ? ofList() : ofRegister(), { minLength: 1, maxLength: 5 })
      .map((all) => all.map(([action, output], index) => ({ action, output, process: `p${index}` }))),
  )
  .chain((all) =>
    fc
      .tuple(...all.map(() => fc.record({ callUs: fc.nat(8), takesUs: fc.nat(4), isKnown: fc.nat(5) })))
      .map((times) =>
        all.map(({ action, output, process }, index) => {
          const { callUs = 0, takesUs = 0, isKnown = 0 } = times[index] ?? {};
          const returned: Outcome = { kind: "returned", output, returnUs: callUs + takesUs };
          return { process, action, callUs, outcome: isKnown > 0 ? returned : { kind: "unknown" } };
        }),
      ),
  );

type Answered = readonly [Action, Outputs[Action["kind"]]];

function ofList(): fc.Arbitrary<Answered> {
  const value = fc.constantFrom("a", "b", "c");
  const total = fc.integer({ min: 1, max: 4 });
  return fc.oneof(
    fc
      .tuple(value, fc.option(total, { nil: undefined }))
      .map(([input, of]): Answered => [{ kind: "append", input }, of === undefined ? {} : { total: of }]),
    value.map((input): Answered => [{ kind: "append", input }, {}]),
    fc.array(value, { maxLength: 3 }).map((values): Answered => [{ kind: "list" }, values]),
    fc.nat(3).map((of): Answered => [{ kind: "count" }, of]),
  );
}

function ofRegister(): fc.Arbitrary<Answered> {
  const value = fc.constantFrom("a", "b", null);
  return fc.oneof(
    value.map((input): Answered => [{ kind: "write", input }, {}]),
    value.map((output): Answered => [{ kind: "read" }, output]),
  );
}

/** Linearizability by trying all orders, which shares nothing with the checker. For a handful of operations only. */
export function isLinearizable(events: Events): boolean {
  const operations = events.filter(({ outcome }) => outcome.kind !== "refused");
  return canContinue(operations, []);
}

function canContinue(left: Events, values: readonly (string | null)[]): boolean {
  const earliestUs = Math.min(
    ...left.map(({ outcome }) => (outcome.kind === "returned" ? outcome.returnUs : Infinity)),
  );
  if (earliestUs === Number.POSITIVE_INFINITY) return true;
  return left.some((operation) => {
    if (operation.callUs > earliestUs) return false;
    const { action, outcome } = operation;
    const after = "input" in action ? [...values, action.input] : values;
    const isRight = outcome.kind !== "returned" || isAnswer(action, outcome.output, after);
    return (
      isRight &&
      canContinue(
        left.filter((other) => other !== operation),
        after,
      )
    );
  });
}

/** Whether an entity to which these values were appended or written answers like that. */
function isAnswer(
  action: Action,
  output: Outputs[Action["kind"]],
  values: readonly (string | null)[],
): boolean {
  switch (action.kind) {
    case "append":
      return [undefined, values.length].includes((output as Outputs["append"]).total);
    case "list":
      return JSON.stringify(output) === JSON.stringify(values);
    case "count":
      return output === values.length;
    case "write":
      return true;
    case "read":
      return output === (values.at(-1) ?? null);
  }
}
