// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";

import { messageTypeUrl } from "../../../pkg/protocol/mod.ts";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest } from "../../lib/counter.ts";
import type { ScriptedAction } from "../../lib/scripted-actions.ts";
import type { Script } from "../../lib/scripted-user-function.ts";
import { lineAny, TALKS_SERVICE } from "../../lib/talks.ts";

/** Which command asks for which. */
export type EndlessShape =
  /** An entity asks for itself. */
  | "one entity"
  /** Two entities ask for each other. */
  | "two entities"
  /** An entity asks for an action, and the action for the entity. */
  | "entity and action";

/** The entity that gets the command of the caller. */
export const FIRST_COUNTER: Readonly<Record<EndlessShape, string>> = {
  "one entity": "self",
  "two entities": "one",
  "entity and action": "asker",
};

/** Whether an entity is one that asks for itself once more. */
export function isEndless(entityId: string): boolean {
  return ["self", "one", "other", "asker"].includes(entityId);
}

/** Side effects of each command. */
const WIDTH = 10;

/** A text that no log line should hold whole. */
const LONG_TEXT = "x".repeat(50_000);

/** Every command with a number divisible by this is refused, with a long text. */
const REFUSED_EACH = 7;

/** The entity's side: an event, a forward and ten side effects, or now and then a failure with a long text. */
export function answerEntity(onCommand: () => void): NonNullable<Script["onMessage"]> {
  let count = 0;
  return ({ message }, stream) => {
    if (message.case !== "command") return;
    onCommand();
    const { id: commandId, entityId } = message.value;
    const action =
      ++count % REFUSED_EACH === 0
        ? { case: "failure" as const, value: { commandId, description: LONG_TEXT } }
        : { case: "forward" as const, value: target(entityId) };
    const isRefused = action.case === "failure";
    stream.send({
      message: {
        case: "reply",
        value: {
          commandId,
          clientAction: { action },
          events: isRefused ? [] : [counterAny(entityId)],
          sideEffects: isRefused ? [] : Array.from({ length: WIDTH }, () => target(entityId)),
        },
      },
    });
  };
}

/** The action's side: a forward and ten side effects. */
export function answerAction(onCommand: () => void): (call: ScriptedAction) => void {
  return (call) => {
    onCommand();
    const toEntity = () => counterCall(FIRST_COUNTER["entity and action"]);
    void call.send({
      response: { case: "forward", value: toEntity() },
      sideEffects: Array.from({ length: WIDTH }, toEntity),
    });
  };
}

function target(entityId: string) {
  switch (entityId) {
    case "one":
      return counterCall("other");
    case "other":
      return counterCall("one");
    case "asker":
      return { serviceName: TALKS_SERVICE, commandName: "Say", payload: create(AnySchema, lineAny("again")) };
    default:
      return counterCall(entityId);
  }
}

function counterCall(id: string) {
  return { serviceName: COUNTER_SERVICE, commandName: "Add", payload: counterAny(id) };
}

function counterAny(id: string) {
  return create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: counterRequest(id, 1) });
}
