// SPDX-License-Identifier: Apache-2.0

import { effects, fails, forwards, replies, synchronousEffects } from "../kinds/answer.ts";
import type { Action, Change } from "../kinds/value-entity.ts";
import {
  effectOn,
  failWith,
  forwardTo,
  valueEntityKind as kind,
  remove,
  update,
} from "../kinds/value-entity.ts";
import type { Case, Group, ServiceSide } from "../suite/case.ts";
import type { Step } from "../suite/entity-script.ts";
import { configuredCase, discoveryCase, entityCase } from "../suite/entity-script.ts";

const inOneLife = (name: string, ...steps: readonly Step<Action, Change>[]): Case<ServiceSide> =>
  entityCase(kind, name, { steps });

const updated = (value: string): { readonly change: Change } => ({ change: { update: value } });
const DELETED = { change: "delete" } as const;

export const valueEntityModelGroup: Group = {
  half: "service",
  title: "verifying model test: value entity",
  cases: [
    discoveryCase(kind, "entity discovery", ["value-entity-tck-model", "value-entity-tck-model-two"]),
    configuredCase(kind, "configured entity", "value-entity-configured"),

    inOneLife("initial empty state", [[], replies("")]),
    inOneLife("update state", [update("A"), replies("A", updated("A"))], [[], replies("A")]),
    inOneLife(
      "delete state",
      [update("A"), replies("A", updated("A"))],
      [[remove], replies("", DELETED)],
      [[], replies("")],
    ),
    inOneLife(
      "multiple updates in one command",
      [update("A", "B", "C"), replies("C", updated("C"))],
      [[], replies("C")],
    ),
    inOneLife(
      "updates then delete",
      [[...update("A", "B"), remove], replies("", DELETED)],
      [[], replies("")],
    ),
    inOneLife(
      "update, delete, update",
      [[...update("A"), remove, ...update("B")], replies("B", updated("B"))],
      [[], replies("B")],
    ),
    entityCase(
      kind,
      "rehydration after passivation",
      {
        steps: [
          [update("A"), replies("A", updated("A"))],
          [update("B"), replies("B", updated("B"))],
          [update("C"), replies("C", updated("C"))],
          [update("D"), replies("D", updated("D"))],
        ],
      },
      {
        // As in Cloudstate, the next command is one that writes, because Cloudstate's Java model does not read the
        // stored state that it is sent.
        stored: "D",
        steps: [
          [update("E"), replies("E", updated("E"))],
          [[], replies("E")],
        ],
      },
    ),

    inOneLife("several side effects", [
      effects("1", "2", "3").map(effectOn),
      replies("", { effects: effects("1", "2", "3") }),
    ]),
    inOneLife(
      "side effect to second service",
      [update("X"), replies("X", updated("X"))],
      [effects("other").map(effectOn), replies("X", { effects: effects("other") })],
      [[], replies("X")],
    ),
    inOneLife("several side effects and state", [
      [...update("A", "B", "C", "D", "E"), ...effects("1", "2", "3").map(effectOn)],
      replies("E", { effects: effects("1", "2", "3"), ...updated("E") }),
    ]),
    inOneLife("synchronous side effect", [
      synchronousEffects("other").map(effectOn),
      replies("", { effects: synchronousEffects("other") }),
    ]),
    inOneLife(
      "forward",
      [update("X"), replies("X", updated("X"))],
      [[forwardTo("other")], forwards("other")],
      [[], replies("X")],
    ),
    inOneLife("forward with updated state", [
      [...update("A"), forwardTo("other")],
      forwards("other", updated("A")),
    ]),
    inOneLife("forward and side effect", [
      [...effects("one").map(effectOn), forwardTo("two")],
      forwards("two", { effects: effects("one") }),
    ]),

    inOneLife("failure action", [[failWith("expected failure")], fails("expected failure")]),
    inOneLife(
      "connection usable after failure",
      [update("A"), replies("A", updated("A"))],
      [[failWith("expected failure")], fails("expected failure")],
      [[], replies("A")],
    ),
    inOneLife("failure drops side effects", [
      [...effects("other").map(effectOn), failWith("expected failure")],
      fails("expected failure"),
    ]),
  ],
};
