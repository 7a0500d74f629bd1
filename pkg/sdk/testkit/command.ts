// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, DescService } from "@bufbuild/protobuf";

import type { Command } from "../../protocol/gen/cloudstate/entity_pb.ts";
import { pack } from "../any.ts";
import { toMessage } from "../to-message.ts";
import { withEntityKey } from "./entity-key.ts";
import { TestkitError } from "./error.ts";

/** A command as a proxy sends it to an entity: with the entity key, without which a request could not reach it. */
export function commandOf(entityId: string, method: DescMethod, init: unknown): Command {
  const given = toMessage(method.input, init ?? {}, `the command of ${method.localName}`, "BAD_MESSAGE");
  const input = withEntityKey(method.input, given, entityId);
  return {
    $typeName: "cloudstate.Command",
    entityId,
    id: 1n,
    name: method.name,
    payload: pack(method.input, input),
    streamed: false,
  };
}

/** The method of a camelCase name. */
export function methodOf(service: DescService, name: string): DescMethod {
  const method = service.method[name];
  if (method !== undefined) return method;
  const known = Object.keys(service.method).join(", ");
  throw new TestkitError(`${service.typeName} has no method ${name}; it has ${known}`);
}
