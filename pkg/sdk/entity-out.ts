// SPDX-License-Identifier: Apache-2.0
//
// Messages of entities to the proxy. Written as literals rather than with `create`: one of these is made for each
// command.

import type { Any } from "@bufbuild/protobuf/wkt";

import type { ClientAction, Failure, SideEffect } from "../protocol/gen/cloudstate/entity_pb.ts";
import type { EventSourcedStreamOut } from "../protocol/gen/cloudstate/event_sourced_pb.ts";
import type { ValueEntityAction, ValueEntityStreamOut } from "../protocol/gen/cloudstate/value_entity_pb.ts";
import type { AnswerAction } from "./answer.ts";
import type { Refusal } from "./refusal.ts";

/** The command id in a failure that belongs to no command. */
export const NO_COMMAND = 0n;

/** A command's answer, with the effects to carry out once everything is stored. */
export interface Answered {
  readonly commandId: bigint;
  readonly action: AnswerAction;
  readonly effects: SideEffect[];
}

/** The answer to a refused command, without effects. `restart` asks the proxy to forget the entity and to replay it. */
export function refused(commandId: bigint, refusal: Refusal, restart = false): Answered {
  return {
    commandId,
    action: { case: "failure", value: failure(commandId, refusal, restart) },
    effects: [],
  };
}

/** The answer with the events to store and the snapshot to keep. */
export function eventSourcedOut(
  { commandId, action, effects }: Answered,
  events: Any[] = [],
  snapshot?: Any,
): EventSourcedStreamOut {
  return {
    $typeName: "cloudstate.eventsourced.EventSourcedStreamOut",
    message: {
      case: "reply",
      value: {
        $typeName: "cloudstate.eventsourced.EventSourcedReply",
        commandId,
        clientAction: clientAction(action),
        sideEffects: effects,
        events,
        snapshot,
      },
    },
  };
}

/** The answer with what to do with the stored value. */
export function valueEntityOut(
  { commandId, action, effects }: Answered,
  stateAction?: ValueEntityAction["action"],
): ValueEntityStreamOut {
  return {
    $typeName: "cloudstate.valueentity.ValueEntityStreamOut",
    message: {
      case: "reply",
      value: {
        $typeName: "cloudstate.valueentity.ValueEntityReply",
        commandId,
        clientAction: clientAction(action),
        sideEffects: effects,
        stateAction: stateAction && {
          $typeName: "cloudstate.valueentity.ValueEntityAction",
          action: stateAction,
        },
      },
    },
  };
}

export function failure(commandId: bigint, { description, status }: Refusal, restart = false): Failure {
  return { $typeName: "cloudstate.Failure", commandId, description, restart, grpcStatus: status };
}

function clientAction(action: AnswerAction): ClientAction {
  return { $typeName: "cloudstate.ClientAction", action };
}
