// SPDX-License-Identifier: Apache-2.0

/** Messages to the user function of a value entity. */

import { toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { ValueEntityStreamIn } from "../../../protocol/mod.ts";
import { ValueEntityStreamInSchema } from "../../../protocol/mod.ts";
import type { EntityService } from "../../../userfunction/mod.ts";

import type { EntityCommand } from "../../command.ts";
import { encodeCommand } from "../command-message.ts";

/**
 * The first message of a stream. Its `state` is always present, because Cloudstate's TCK expects it; the `value` in
 * it is absent if nothing is stored.
 */
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
  return encodeCommand(ValueEntityStreamInSchema.field.command.number, id, command);
}

function encode(message: ValueEntityStreamIn["message"]): Uint8Array {
  const streamIn: ValueEntityStreamIn = {
    $typeName: "cloudstate.valueentity.ValueEntityStreamIn",
    message,
  };
  return toBinary(ValueEntityStreamInSchema, streamIn);
}
