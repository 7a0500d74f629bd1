// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import type { EventSourcedEntity } from "../event-sourced.ts";
import { eventSourced, on } from "../event-sourced.ts";
import { AppendedSchema, ClearedSchema, Model, StateSchema } from "./gen/model_pb.ts";

/** Does what the steps of its commands say; its state is all emitted texts, one after the other. */
export function modelEntity({
  snapshotEvery = 5,
} = {}): EventSourcedEntity<typeof Model, typeof StateSchema> {
  return eventSourced(Model, StateSchema, {
    persistenceId: "sdk-model",
    snapshotEvery,
    passivationTimeoutMs: 100,
    commands: {
      async process({ steps }, context) {
        for (const { step } of steps) {
          if (step.case === "emit") context.emit(AppendedSchema, { value: step.value });
          else if (step.case === "fail") context.fail(step.value);
          else if (step.case === "crash") throw new RangeError(step.value);
          else await nextTurn();
        }
        return { message: context.state.value };
      },
      touch({ steps }, { emit, fail }) {
        for (const { step } of steps) {
          if (step.case === "emit") emit(AppendedSchema, { value: step.value });
          else if (step.case === "fail") return fail(step.value);
          else if (step.case === "crash") throw new RangeError(step.value);
        }
      },
    },
    events: [
      on(AppendedSchema, (state, { value }) => ({ value: state.value + value })),
      on(ClearedSchema, () => ({})),
    ],
  });
}
