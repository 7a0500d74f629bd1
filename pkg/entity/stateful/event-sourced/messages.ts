// SPDX-License-Identifier: Apache-2.0

/** Messages to the user function of an event sourced entity. */

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { EventSourcedStreamIn } from "../../../protocol/mod.ts";
import { EventSourcedStreamInSchema } from "../../../protocol/mod.ts";
import type { SnapshotPoint } from "../../../record/mod.ts";
import type { EntityService } from "../../../userfunction/mod.ts";

import type { EntityCommand } from "../../command.ts";
import { encodeCommand } from "../command-message.ts";

/** Opens the stream, with the newest snapshot if there is one. */
export function initMessage(
  service: EntityService,
  entityId: string,
  snapshot: SnapshotPoint | undefined,
): Uint8Array {
  return encode({
    case: "init",
    value: {
      $typeName: "cloudstate.eventsourced.EventSourcedInit",
      serviceName: service.desc.typeName,
      entityId,
      ...(snapshot !== undefined && {
        snapshot: {
          $typeName: "cloudstate.eventsourced.EventSourcedSnapshot",
          snapshotSequence: BigInt(snapshot.cursor.sequence),
          snapshot: snapshot.state,
        },
      }),
    },
  });
}

/** Replays one event. */
export function eventMessage(sequence: number, payload: Any): Uint8Array {
  return encode({
    case: "event",
    value: { $typeName: "cloudstate.eventsourced.EventSourcedEvent", sequence: BigInt(sequence), payload },
  });
}

export function commandMessage(id: bigint, command: EntityCommand): Uint8Array {
  return encodeCommand(EventSourcedStreamInSchema.field.command.number, id, command);
}

function encode(message: EventSourcedStreamIn["message"]): Uint8Array {
  const streamIn: EventSourcedStreamIn = {
    $typeName: "cloudstate.eventsourced.EventSourcedStreamIn",
    message,
  };
  return toBinary(EventSourcedStreamInSchema, streamIn);
}
