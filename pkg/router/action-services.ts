// SPDX-License-Identifier: Apache-2.0

import type { ActionCall, ActionStreamCall, Outcome } from "../entity/mod.ts";
import { ACTION } from "../entity/mod.ts";

import { only, onlyAnswer } from "./answers.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

export interface Actions {
  unary(call: ActionCall): Promise<Outcome>;
  streamed(call: ActionStreamCall): AsyncIterable<Outcome>;
}

/** Actions run where the command arrived, because they have no state. */
export function actionServices(actions: Actions): ServiceRuntime {
  return {
    kinds: [ACTION],
    unary: ({ method, payload, call }) =>
      method.desc.methodKind === "unary"
        ? actions.unary({ method, payload, call })
        : onlyAnswer(actions.streamed({ method, input: only(payload), call })),
    streamed: (command) => actions.streamed(command),
  };
}
