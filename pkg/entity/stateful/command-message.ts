// SPDX-License-Identifier: Apache-2.0

import type { CommandMessage } from "../../protocol/mod.ts";
import { messageTypeUrl } from "../../protocol/mod.ts";

import type { EntityCommand } from "../command.ts";

/** The message of a command for every kind of entity. It has no metadata, because Cloudstate gives entities none. */
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
