// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import {
  EventSourced,
  EventSourcedStreamInSchema,
  EventSourcedStreamOutSchema,
} from "../../../pkg/protocol/gen/cloudstate/event_sourced_pb.ts";
import type { RequestActionSchema } from "../gen/cloudstate/tck/model/eventsourced_pb.ts";
import {
  EventSourcedConfigured,
  EventSourcedTckModel,
  EventSourcedTwo,
  PersistedSchema,
  RequestSchema,
  ResponseSchema,
} from "../gen/cloudstate/tck/model/eventsourced_pb.ts";
import { pathOf } from "../wire/paths.ts";
import type { Effect, Target } from "./answer.ts";
import { clientAction, pack, sideEffects } from "./answer.ts";
import type { EntityKind } from "./entity-kind.ts";

export type Action = MessageInitShape<typeof RequestActionSchema>;

/** A snapshot's sequence number and text, and the texts of the events after it. */
export interface Stored {
  readonly snapshot?: readonly [sequence: number, value: string];
  readonly events?: readonly string[];
}

export interface Change {
  readonly events: readonly string[];
  readonly snapshot?: string;
}

export const emit = (...values: readonly string[]): Action[] =>
  values.map((value) => ({ action: { case: "emit", value: { value } } }));
export const forwardTo = (id: string): Action => ({ action: { case: "forward", value: { id } } });
export const failWith = (message: string): Action => ({ action: { case: "fail", value: { message } } });
export const effectOn = ({ id, synchronous }: Effect): Action => ({
  action: { case: "effect", value: { id, synchronous } },
});

const persisted = (value: string): Any => pack(PersistedSchema, { value });

const target: Target = {
  method: EventSourcedTwo.method.call,
  request: (id) => pack(RequestSchema, { id }),
};

export const eventSourcedKind: EntityKind<Action, Stored, Change> = {
  path: pathOf(EventSourced.method.handle),
  protocol: EventSourced.typeName,
  streamIn: EventSourcedStreamInSchema,
  streamOut: EventSourcedStreamOutSchema,
  model: EventSourcedTckModel.method.process,
  two: EventSourcedTwo.method.call,
  configured: EventSourcedConfigured.method.call,

  request: (id, actions) => create(RequestSchema, { id, actions: [...actions] }),

  activation(service, entityId, { snapshot, events = [] } = {}) {
    const init = create(EventSourcedStreamInSchema, {
      message: {
        case: "init",
        value: {
          serviceName: service.typeName,
          entityId,
          ...(snapshot !== undefined && {
            snapshot: { snapshotSequence: BigInt(snapshot[0]), snapshot: persisted(snapshot[1]) },
          }),
        },
      },
    });
    const first = (snapshot?.[0] ?? 0) + 1;
    const replayed = events.map((value, index) =>
      create(EventSourcedStreamInSchema, {
        message: { case: "event", value: { sequence: BigInt(first + index), payload: persisted(value) } },
      }),
    );
    return [init, ...replayed];
  },

  command: ({ id, entityId, method, actions }) =>
    create(EventSourcedStreamInSchema, {
      message: {
        case: "command",
        value: {
          entityId,
          id: BigInt(id),
          name: method.name,
          payload: pack(RequestSchema, { id: entityId, actions: [...actions] }),
        },
      },
    }),

  answer(id, { outcome, effects, change }) {
    const commandId = BigInt(id);
    const reply = (message: string): Any => pack(ResponseSchema, { message });
    return create(EventSourcedStreamOutSchema, {
      message: {
        case: "reply",
        value: {
          commandId,
          clientAction: clientAction(outcome, { commandId, reply, target }),
          sideEffects: sideEffects(effects, target),
          events: (change?.events ?? []).map(persisted),
          ...(change?.snapshot !== undefined && { snapshot: persisted(change.snapshot) }),
        },
      },
    });
  },

  response: (message) => create(ResponseSchema, { message }),

  httpPath: (entityId) => `/tck/model/eventsourced/${entityId}`,
};
