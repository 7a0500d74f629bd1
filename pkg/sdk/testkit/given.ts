// SPDX-License-Identifier: Apache-2.0

import type { DescMessage, DescService } from "@bufbuild/protobuf";

import type { EventSourcedEntity } from "../event-sourced-definition.ts";
import type { ValueEntity } from "../value-entity-definition.ts";
import type { Given } from "./given-event-sourced.ts";
import { givenEventSourced } from "./given-event-sourced.ts";
import type { GivenValue } from "./given-value.ts";
import { givenValue } from "./given-value.ts";

/**
 * Starts a test of an entity, without a proxy and without a network, on the code that a server runs:
 *
 *     const outcome = await given(cart, "ann").event(ItemAddedSchema, { item }).when("getCart");
 *     t.deepEqual(outcome.reply.items, [item]);
 *
 * It is stricter than a server in two ways: states are frozen, so that a handler that changes one is found out, and
 * what a command emitted is replayed, which must give the state that the command left. It does not know which services
 * a server will serve, so it lets forwards and effects go anywhere.
 */
export function given<Service extends DescService, State extends DescMessage>(
  entity: EventSourcedEntity<Service, State>,
  entityId?: string,
): Given<Service, State>;
export function given<Service extends DescService, State extends DescMessage>(
  entity: ValueEntity<Service, State>,
  entityId?: string,
): GivenValue<Service, State>;
export function given<Service extends DescService, State extends DescMessage>(
  entity: EventSourcedEntity<Service, State> | ValueEntity<Service, State>,
  entityId = "test",
): Given<Service, State> | GivenValue<Service, State> {
  return entity.kind === "value" ? givenValue(entity, entityId) : givenEventSourced(entity, entityId);
}
