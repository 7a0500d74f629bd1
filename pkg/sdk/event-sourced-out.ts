// SPDX-License-Identifier: Apache-2.0

import type { Any } from "@bufbuild/protobuf/wkt";

import type { ClientAction, Failure } from "../protocol/gen/cloudstate/entity_pb.ts";
import type { EventSourcedStreamOut } from "../protocol/gen/cloudstate/event_sourced_pb.ts";

// Written as literals rather than with `create`: one of these is made for each command.

/** The command's answer, with the events to store and the snapshot to keep. */
export function replyOut(
  commandId: bigint,
  payload: Any,
  events: Any[],
  snapshot: Any | undefined,
): EventSourcedStreamOut {
  return answerOut(
    commandId,
    {
      $typeName: "cloudstate.ClientAction",
      action: { case: "reply", value: { $typeName: "cloudstate.Reply", payload } },
    },
    events,
    snapshot,
  );
}

/** The command was refused. Carries no events, whatever was emitted. */
export function failureOut(commandId: bigint, description: string, restart: boolean): EventSourcedStreamOut {
  return answerOut(
    commandId,
    {
      $typeName: "cloudstate.ClientAction",
      action: { case: "failure", value: failure(commandId, description, restart) },
    },
    [],
    undefined,
  );
}

/** The stream is broken: its last message. */
export function brokenOut(commandId: bigint, description: string): EventSourcedStreamOut {
  return {
    $typeName: "cloudstate.eventsourced.EventSourcedStreamOut",
    message: { case: "failure", value: failure(commandId, description, false) },
  };
}

function answerOut(
  commandId: bigint,
  clientAction: ClientAction,
  events: Any[],
  snapshot: Any | undefined,
): EventSourcedStreamOut {
  return {
    $typeName: "cloudstate.eventsourced.EventSourcedStreamOut",
    message: {
      case: "reply",
      value: {
        $typeName: "cloudstate.eventsourced.EventSourcedReply",
        commandId,
        clientAction,
        sideEffects: [],
        events,
        snapshot,
      },
    },
  };
}

function failure(commandId: bigint, description: string, restart: boolean): Failure {
  return { $typeName: "cloudstate.Failure", commandId, description, restart };
}
