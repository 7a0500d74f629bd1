// SPDX-License-Identifier: Apache-2.0

import type { Action, ActionContext, Answer } from "../../../pkg/sdk/mod.ts";
import { action } from "../../../pkg/sdk/mod.ts";

import type { ProcessGroup, Response, ResponseSchema } from "../gen/cloudstate/tck/model/action_pb.ts";
import { ActionTckModel, ActionTwo } from "../gen/cloudstate/tck/model/action_pb.ts";

type Result = Pick<Response, "message"> | Answer<typeof ResponseSchema>;

/** Does what its requests say. */
export const actionModel: Action<typeof ActionTckModel> = action(ActionTckModel, {
  processUnary: ({ groups }, context) => answer(groups, context),

  async processStreamedIn(requests, context) {
    const groups: ProcessGroup[] = [];
    for await (const request of requests) groups.push(...request.groups);
    return answer(groups, context);
  },

  *processStreamedOut({ groups }, context) {
    for (const group of groups) yield answer([group], context);
  },

  async *processStreamed(requests, context) {
    for await (const { groups } of requests) {
      for (const group of groups) yield answer([group], context);
    }
  },
});

export const actionTwo: Action<typeof ActionTwo> = action(ActionTwo, { call: () => ({}) });

/** Makes one answer for all steps. The last reply, forward or failure among them decides its kind. */
function answer(groups: readonly ProcessGroup[], context: ActionContext): Result {
  const steps = groups.flatMap((group) => group.steps.map(({ step }) => step));
  for (const step of steps) {
    if (step.case !== "effect") continue;
    const { id, synchronous } = step.value;
    context.effect(ActionTwo.method.call, { id }, { synchronous });
  }
  const last = steps.findLast((step) => step.case !== "effect" && step.case !== undefined);
  switch (last?.case) {
    case "reply":
      return { message: last.value.message };
    case "forward":
      return context.forward(ActionTwo.method.call, { id: last.value.id });
    case "fail":
      return context.failure(last.value.message);
    case undefined:
      return context.noReply();
  }
}
