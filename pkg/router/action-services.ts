// SPDX-License-Identifier: Apache-2.0

import type { Command, Outcome, StreamedCommand } from "../entity/mod.ts";
import { ACTION } from "../entity/mod.ts";

import { only, onlyAnswer } from "./answers.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

export interface Actions {
  unary(command: Command): Promise<Outcome>;
  streamed(command: StreamedCommand): AsyncIterable<Outcome>;
}

/** Actions run where the command arrived, because they have no state. */
export function actionServices(actions: Actions): ServiceRuntime {
  return {
    kinds: [ACTION],
    unary: (command) => {
      const { method, payload, call } = command;
      if (method.desc.methodKind === "unary") return actions.unary(command);
      return onlyAnswer(actions.streamed({ method, input: only(payload), call }));
    },
    streamed: (command) => actions.streamed(command),
  };
}
