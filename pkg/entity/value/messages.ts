// SPDX-License-Identifier: Apache-2.0

/** Messages to the user function of a value entity. Literals, since this is the path of every command. */

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import { ValueEntityStreamInSchema } from "../../protocol/mod.ts";
import type { ValueEntityStreamIn } from "../../protocol/mod.ts";
import type { EntityService } from "../../userfunction/mod.ts";

import { commandToEntity } from "../command-message.ts";
import type { EntityCommand } from "../command.ts";

/** Opens the stream. The state is always there, as Cloudstate's TCK wants it; its value is not if nothing is stored. */
export function initMessage(service: EntityService, entityId: string, value: Any | undefined): Uint8Array {
  return encode({
    case: "init",
    value: {
      $typeName: "cloudstate.valueentity.ValueEntityInit",
      serviceName: service.desc.typeName,
      entityId,
      state: {
        $typeName: "cloudstate.valueentity.ValueEntityInitState",
        ...(value !== undefined && { value }),
      },
    },
  });
}

export function commandMessage(id: bigint, command: EntityCommand): Uint8Array {
  return encode({ case: "command", value: commandToEntity(id, command) });
}

function encode(message: ValueEntityStreamIn["message"]): Uint8Array {
  const streamIn: ValueEntityStreamIn = {
    $typeName: "cloudstate.valueentity.ValueEntityStreamIn",
    message,
  };
  return toBinary(ValueEntityStreamInSchema, streamIn);
}
