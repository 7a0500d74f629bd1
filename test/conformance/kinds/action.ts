// SPDX-License-Identifier: Apache-2.0

import type { DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";

import type { ActionCommand, ActionResponse } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import { ActionCommandSchema, ActionResponseSchema } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import type { Request } from "../gen/cloudstate/tck/model/action_pb.ts";
import {
  ActionTwo,
  OtherRequestSchema,
  RequestSchema,
  ResponseSchema,
} from "../gen/cloudstate/tck/model/action_pb.ts";
import type { Effect, Outcome, Target } from "./answer.ts";
import { clientAction, pack, sideEffects } from "./answer.ts";

export type Step = NonNullable<
  NonNullable<NonNullable<MessageInitShape<typeof RequestSchema>["groups"]>[number]["steps"]>[number]
>;

export const replyWith = (message: string): Step => ({ step: { case: "reply", value: { message } } });
export const forwardTo = (id: string): Step => ({ step: { case: "forward", value: { id } } });
export const failWith = (message: string): Step => ({ step: { case: "fail", value: { message } } });
export const effectOn = ({ id, synchronous }: Effect): Step => ({
  step: { case: "effect", value: { id, synchronous } },
});

/** A request with these groups of steps. */
export function request(...groups: readonly (readonly Step[])[]): Request {
  return create(RequestSchema, { groups: groups.map((steps) => ({ steps: [...steps] })) });
}

/** The first command of a call of this method. For streamed input it contains no request. */
export function firstCommand(method: DescMethod, payload?: Request): ActionCommand {
  return create(ActionCommandSchema, {
    serviceName: method.parent.typeName,
    name: method.name,
    ...(payload !== undefined && { payload: pack(RequestSchema, payload) }),
  });
}

/** A command that follows in a stream. */
export function nextCommand(payload: Request): ActionCommand {
  return create(ActionCommandSchema, { payload: pack(RequestSchema, payload) });
}

const target: Target = {
  method: ActionTwo.method.call,
  request: (id) => pack(OtherRequestSchema, { id }),
};

/** The command that a forward or an effect becomes. */
export function commandToTwo(id: string): ActionCommand {
  return create(ActionCommandSchema, {
    serviceName: ActionTwo.typeName,
    name: target.method.name,
    payload: target.request(id),
  });
}

/** What an action answers, or, without an outcome, its effects alone. */
export function response(outcome: Outcome | undefined, effects: readonly Effect[] = []): ActionResponse {
  const how = {
    commandId: 0n,
    reply: (message: string) => pack(ResponseSchema, { message }),
    target,
  };
  return create(ActionResponseSchema, {
    ...(outcome !== undefined && { response: clientAction(outcome, how).action }),
    sideEffects: sideEffects(effects, target),
  });
}

export const reply = (message: string): Outcome => ({ kind: "reply", message });
export const forward = (id: string): Outcome => ({ kind: "forward", id });
export const failure = (description: string): Outcome => ({ kind: "failure", description, restart: false });
