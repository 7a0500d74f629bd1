// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import { ActionProtocol } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import { EntityDiscovery } from "../../../pkg/protocol/gen/cloudstate/entity_pb.ts";
import { EventSourced } from "../../../pkg/protocol/gen/cloudstate/event_sourced_pb.ts";
import { ValueEntity } from "../../../pkg/protocol/gen/cloudstate/value_entity_pb.ts";

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

export const DISCOVER: string = pathOf(EntityDiscovery.method.discover);
export const REPORT_ERROR: string = pathOf(EntityDiscovery.method.reportError);

const ENTITY_SERVICES = [ActionProtocol, EventSourced, ValueEntity];

/** The entity types of the protocol that the suite knows. */
export const PROTOCOL_TYPES: readonly string[] = ENTITY_SERVICES.map(({ typeName }) => typeName);

/** Everything that a proxy may ask of a user function. */
export const PROTOCOL_PATHS: readonly string[] = [EntityDiscovery, ...ENTITY_SERVICES].flatMap(
  ({ methods }) => methods.map(pathOf),
);
