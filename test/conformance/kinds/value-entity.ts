// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";

import type { ValueEntityActionSchema } from "../../../pkg/protocol/gen/cloudstate/value_entity_pb.ts";
import {
  ValueEntity,
  ValueEntityStreamInSchema,
  ValueEntityStreamOutSchema,
} from "../../../pkg/protocol/gen/cloudstate/value_entity_pb.ts";
import type { RequestActionSchema } from "../gen/cloudstate/tck/model/valueentity_pb.ts";
import {
  PersistedSchema,
  RequestSchema,
  ResponseSchema,
  ValueEntityConfigured,
  ValueEntityTckModel,
  ValueEntityTwo,
} from "../gen/cloudstate/tck/model/valueentity_pb.ts";
import { pathOf } from "../wire/paths.ts";
import type { Effect, Target } from "./answer.ts";
import { clientAction, pack, sideEffects } from "./answer.ts";
import type { EntityKind } from "./entity-kind.ts";

export type Action = MessageInitShape<typeof RequestActionSchema>;

/** The stored text. */
export type Stored = string;

export type Change = { readonly update: string } | "delete";

export const update = (...values: readonly string[]): Action[] =>
  values.map((value) => ({ action: { case: "update", value: { value } } }));
export const remove: Action = { action: { case: "delete", value: {} } };
export const forwardTo = (id: string): Action => ({ action: { case: "forward", value: { id } } });
export const failWith = (message: string): Action => ({ action: { case: "fail", value: { message } } });
export const effectOn = ({ id, synchronous }: Effect): Action => ({
  action: { case: "effect", value: { id, synchronous } },
});

const persisted = (value: string): Any => pack(PersistedSchema, { value });

const target: Target = {
  method: ValueEntityTwo.method.call,
  request: (id) => pack(RequestSchema, { id }),
};

function stateAction(change: Change): MessageInitShape<typeof ValueEntityActionSchema> {
  if (change === "delete") return { action: { case: "delete", value: {} } };
  return { action: { case: "update", value: { value: persisted(change.update) } } };
}

export const valueEntityKind: EntityKind<Action, Stored, Change> = {
  path: pathOf(ValueEntity.method.handle),
  protocol: ValueEntity.typeName,
  streamIn: ValueEntityStreamInSchema,
  streamOut: ValueEntityStreamOutSchema,
  model: ValueEntityTckModel.method.process,
  two: ValueEntityTwo.method.call,
  configured: ValueEntityConfigured.method.call,

  request: (id, actions) => create(RequestSchema, { id, actions: [...actions] }),

  // The state is there even if nothing is stored.
  activation: (service, entityId, stored) => [
    create(ValueEntityStreamInSchema, {
      message: {
        case: "init",
        value: {
          serviceName: service.typeName,
          entityId,
          state: { ...(stored !== undefined && { value: persisted(stored) }) },
        },
      },
    }),
  ],

  command: ({ id, entityId, method, actions }) =>
    create(ValueEntityStreamInSchema, {
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
    return create(ValueEntityStreamOutSchema, {
      message: {
        case: "reply",
        value: {
          commandId,
          clientAction: clientAction(outcome, { commandId, reply, target }),
          sideEffects: sideEffects(effects, target),
          ...(change !== undefined && { stateAction: stateAction(change) }),
        },
      },
    });
  },

  response: (message) => create(ResponseSchema, { message }),

  httpPath: (entityId) => `/tck/model/entity/${entityId}`,
};
