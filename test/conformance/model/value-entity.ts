// SPDX-License-Identifier: Apache-2.0

import type { ValueEntity } from "../../../pkg/sdk/mod.ts";
import { valueEntity } from "../../../pkg/sdk/mod.ts";

import {
  PersistedSchema,
  ValueEntityConfigured,
  ValueEntityTckModel,
  ValueEntityTwo,
} from "../gen/cloudstate/tck/model/valueentity_pb.ts";

/** Its state is the text that was written last. */
export const valueEntityModel: ValueEntity<typeof ValueEntityTckModel, typeof PersistedSchema> = valueEntity(
  ValueEntityTckModel,
  PersistedSchema,
  {
    persistenceId: "value-entity-tck-model",
    commands: {
      process({ actions }, context) {
        let forwardTo: string | undefined;
        for (const { action } of actions) {
          if (action.case === "update") context.update({ value: action.value.value });
          else if (action.case === "delete") context.remove();
          else if (action.case === "fail") return context.fail(action.value.message);
          else if (action.case === "forward") forwardTo = action.value.id;
          else if (action.case === "effect") {
            const { id, synchronous } = action.value;
            context.effect(ValueEntityTwo.method.call, { id }, { synchronous });
          }
        }
        if (forwardTo !== undefined) return context.forward(ValueEntityTwo.method.call, { id: forwardTo });
        return { message: context.state.value };
      },
    },
  },
);

export const valueEntityTwo: ValueEntity<typeof ValueEntityTwo, typeof PersistedSchema> = valueEntity(
  ValueEntityTwo,
  PersistedSchema,
  { persistenceId: "value-entity-tck-model-two", commands: { call: () => ({}) } },
);

export const valueEntityConfigured: ValueEntity<typeof ValueEntityConfigured, typeof PersistedSchema> =
  valueEntity(ValueEntityConfigured, PersistedSchema, {
    persistenceId: "value-entity-configured",
    passivationTimeoutMs: 100,
    commands: { call: () => ({}) },
  });
