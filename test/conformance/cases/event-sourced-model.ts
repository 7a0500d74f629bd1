// SPDX-License-Identifier: Apache-2.0

import { effects, fails, forwards, replies, synchronousEffects } from "../kinds/answer.ts";
import type { Action, Change, Stored } from "../kinds/event-sourced.ts";
import { effectOn, emit, failWith, forwardTo, eventSourcedKind as kind } from "../kinds/event-sourced.ts";
import type { Case, Group, ServiceSide } from "../suite/case.ts";
import type { Activation, Step } from "../suite/entity-script.ts";
import { ActiveEntity, configuredCase, discoveryCase, entityCase } from "../suite/entity-script.ts";

const inOneLife = (name: string, ...steps: readonly Step<Action, Change>[]): Case<ServiceSide> =>
  entityCase(kind, name, { steps });

const inLives = (
  name: string,
  ...activations: readonly Activation<Action, Stored, Change>[]
): Case<ServiceSide> => entityCase(kind, name, ...activations);

/** A change of the state: these events, and the snapshot, if there is one. */
const change = (events: readonly string[], snapshot?: string): { readonly change: Change } => ({
  change: { events, ...(snapshot !== undefined && { snapshot }) },
});

const ABCDE = ["A", "B", "C", "D", "E"] as const;
const SEVEN: Stored = { snapshot: [5, "ABCDE"], events: ["F", "G"] };

export const eventSourcedModelGroup: Group = {
  half: "service",
  title: "verifying model test: event sourced entity",
  cases: [
    discoveryCase(kind, "event sourced entity discovery", ["event-sourced-tck-model"]),
    configuredCase(kind, "event sourced configured entity", "event-sourced-configured"),

    inOneLife("initial empty state", [[], replies("")]),
    inOneLife("single event", [emit("A"), replies("A", change(["A"]))], [[], replies("A")]),
    inOneLife(
      "several events",
      [emit("A", "B", "C"), replies("ABC", change(["A", "B", "C"]))],
      [[], replies("ABC")],
    ),
    inOneLife(
      "events and snapshots",
      [emit("A"), replies("A", change(["A"]))],
      [emit("B"), replies("AB", change(["B"]))],
      [emit("C"), replies("ABC", change(["C"]))],
      [emit("D"), replies("ABCD", change(["D"]))],
      [emit("E"), replies("ABCDE", change(["E"], "ABCDE"))],
      [emit("F", "G", "H"), replies("ABCDEFGH", change(["F", "G", "H"]))],
      [emit("I", "J"), replies("ABCDEFGHIJ", change(["I", "J"], "ABCDEFGHIJ"))],
      [emit("K"), replies("ABCDEFGHIJK", change(["K"]))],
      [[], replies("ABCDEFGHIJK")],
    ),
    inLives("initial snapshot", { stored: { snapshot: [5, "ABCDE"] }, steps: [[[], replies("ABCDE")]] }),
    inLives("initial snapshot and events", { stored: SEVEN, steps: [[[], replies("ABCDEFG")]] }),
    inLives(
      "rehydration after passivation",
      {
        steps: [
          [emit("A", "B", "C"), replies("ABC", change(["A", "B", "C"]))],
          [emit("D", "E"), replies("ABCDE", change(["D", "E"], "ABCDE"))],
          [emit("F"), replies("ABCDEF", change(["F"]))],
          [emit("G"), replies("ABCDEFG", change(["G"]))],
        ],
      },
      { stored: SEVEN, steps: [[[], replies("ABCDEFG")]] },
    ),

    inOneLife("forward", [[forwardTo("other")], forwards("other")]),
    inOneLife("forward with events", [[...emit("A"), forwardTo("other")], forwards("other", change(["A"]))]),
    inOneLife(
      "forward with events and snapshot",
      [emit("A", "B", "C"), replies("ABC", change(["A", "B", "C"]))],
      [[...emit("D", "E"), forwardTo("other")], forwards("other", change(["D", "E"], "ABCDE"))],
    ),
    inOneLife("side effect", [effects("other").map(effectOn), replies("", { effects: effects("other") })]),
    inOneLife("synchronous side effect", [
      synchronousEffects("other").map(effectOn),
      replies("", { effects: synchronousEffects("other") }),
    ]),
    inOneLife("forward and side effect", [
      [...effects("one").map(effectOn), forwardTo("two")],
      forwards("two", { effects: effects("one") }),
    ]),
    inOneLife("several side effects", [
      effects("1", "2", "3").map(effectOn),
      replies("", { effects: effects("1", "2", "3") }),
    ]),
    inOneLife("several side effects with events and snapshot", [
      [...emit(...ABCDE), ...effects("1", "2", "3").map(effectOn)],
      replies("ABCDE", { effects: effects("1", "2", "3"), ...change(ABCDE, "ABCDE") }),
    ]),

    inOneLife("failure action", [[failWith("expected failure")], fails("expected failure")]),
    inOneLife(
      "connection usable after failure",
      [emit("A"), replies("A", change(["A"]))],
      [[failWith("expected failure")], fails("expected failure")],
      [[], replies("A")],
    ),
    failureKeepsNoEvents(),
    inOneLife("failure drops side effects", [
      [...effects("other").map(effectOn), failWith("expected failure")],
      fails("expected failure"),
    ]),
  ],
};

/**
 * After events and then a failure, a user function may ask the proxy to read the entity again, because it has already
 * applied the events to its state. Or it undoes them itself and continues. Both are correct.
 */
function failureKeepsNoEvents(): Case<ServiceSide> {
  return {
    name: "failure after emits keeps no events",
    needs: [kind.model.parent, kind.two.parent],
    async run(side) {
      const id = side.nextEntityId();
      let entity = new ActiveEntity(side, kind, id);
      const failAfter = async (actions: readonly Action[], text: string, events: readonly string[]) => {
        const asksToRestart = fails(text, { restart: true });
        const answer = await entity.process(actions, asksToRestart, fails(text));
        if (answer !== asksToRestart) return;
        await entity.passivate();
        entity = new ActiveEntity(side, kind, id, { events });
      };

      await entity.process(emit("A", "B", "C"), replies("ABC", change(["A", "B", "C"])));
      await failAfter([...emit("4", "5"), failWith("failure 1")], "failure 1", ["A", "B", "C"]);
      await entity.process(emit("D"), replies("ABCD", change(["D"])));
      const failInBetween = [...emit("6"), failWith("failure 2"), ...emit("7")];
      await failAfter(failInBetween, "failure 2", ["A", "B", "C", "D"]);
      await entity.process(emit("E"), replies("ABCDE", change(["E"], "ABCDE")));
      await entity.passivate();
    },
  };
}
