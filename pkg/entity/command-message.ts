// SPDX-License-Identifier: Apache-2.0

import { messageTypeUrl } from "../protocol/mod.ts";
import type { CommandMessage } from "../protocol/mod.ts";

import type { EntityCommand } from "./command.ts";

/** A command as every kind of entity is given it: without metadata, since Cloudstate gives entities none. */
export function commandToEntity(id: bigint, { method, entityId, payload }: EntityCommand): CommandMessage {
  const { desc } = method;
  return {
    $typeName: "cloudstate.Command",
    entityId,
    id,
    name: desc.name,
    payload: {
      $typeName: "google.protobuf.Any",
      typeUrl: messageTypeUrl(desc.input.typeName),
      value: payload,
    },
    streamed: false,
  };
}
