// SPDX-License-Identifier: Apache-2.0

import type { EventSourcedEntity } from "../../../pkg/sdk/mod.ts";
import { eventSourced, on } from "../../../pkg/sdk/mod.ts";

import {
  EventSourcedConfigured,
  EventSourcedTckModel,
  EventSourcedTwo,
  PersistedSchema,
} from "../gen/cloudstate/tck/model/eventsourced_pb.ts";

/** Its state is all emitted texts, one after the other. */
export const eventSourcedModel: EventSourcedEntity<typeof EventSourcedTckModel, typeof PersistedSchema> =
  eventSourced(EventSourcedTckModel, PersistedSchema, {
    persistenceId: "event-sourced-tck-model",
    snapshotEvery: 5,
    commands: {
      process({ actions }, context) {
        let forwardTo: string | undefined;
        for (const { action } of actions) {
          if (action.case === "emit") context.emit(PersistedSchema, { value: action.value.value });
          else if (action.case === "fail") return context.fail(action.value.message);
          else if (action.case === "forward") forwardTo = action.value.id;
          else if (action.case === "effect") {
            const { id, synchronous } = action.value;
            context.effect(EventSourcedTwo.method.call, { id }, { synchronous });
          }
        }
        if (forwardTo !== undefined) return context.forward(EventSourcedTwo.method.call, { id: forwardTo });
        return { message: context.state.value };
      },
    },
    events: [on(PersistedSchema, (state, { value }) => ({ value: state.value + value }))],
  });

export const eventSourcedTwo: EventSourcedEntity<typeof EventSourcedTwo, typeof PersistedSchema> =
  eventSourced(EventSourcedTwo, PersistedSchema, {
    persistenceId: "event-sourced-tck-model-two",
    commands: { call: () => ({}) },
    events: [],
  });

export const eventSourcedConfigured: EventSourcedEntity<
  typeof EventSourcedConfigured,
  typeof PersistedSchema
> = eventSourced(EventSourcedConfigured, PersistedSchema, {
  persistenceId: "event-sourced-configured",
  passivationTimeoutMs: 100,
  commands: { call: () => ({}) },
  events: [],
});
