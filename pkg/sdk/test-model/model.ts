// SPDX-License-Identifier: Apache-2.0

import { setImmediate as nextTurn } from "node:timers/promises";

import type {
  Action,
  ActionContext,
  ActionHandlers,
  Answer,
  EventSourcedEntity,
  HandlerContext,
  ValueEntity,
} from "../mod.ts";
import { action, eventSourced, on, valueEntity } from "../mod.ts";

import type { Request, Response, Step } from "./gen/model_pb.ts";
import {
  AppendedSchema,
  ClearedSchema,
  Model,
  Other,
  Pipeline,
  ResponseSchema,
  StateSchema,
  ValueModel,
} from "./gen/model_pb.ts";

type Result = Pick<Response, "message"> | Answer<typeof ResponseSchema>;

/** Does what the steps of its commands say; its state is all emitted texts, one after the other. */
export function modelEntity({
  snapshotEvery = 5,
  snapshotVersion = "",
} = {}): EventSourcedEntity<typeof Model, typeof StateSchema> {
  return eventSourced(Model, StateSchema, {
    persistenceId: "sdk-model",
    snapshotEvery,
    snapshotVersion,
    passivationTimeoutMs: 100,
    commands: {
      process: (command, context) =>
        processSteps(command, context, ({ step }) => {
          if (step.case === "emit") context.emit(AppendedSchema, { value: step.value });
        }),
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

/** The same, with the state as a value. */
export function valueModelEntity(): ValueEntity<typeof ValueModel, typeof StateSchema> {
  return valueEntity(ValueModel, StateSchema, {
    persistenceId: "sdk-value-model",
    passivationTimeoutMs: 100,
    commands: {
      process: (command, context) =>
        processSteps(command, context, ({ step }) => {
          if (step.case === "emit") context.update({ value: context.state.value + step.value });
          else if (step.case === "remove") context.remove();
        }),
      touch({ steps }, { update }) {
        for (const { step } of steps) if (step.case === "emit") update({ value: step.value });
      },
    },
  });
}

/** Answers with what the steps say last, once for all of them or once for each group. */
export function pipelineAction(): Action<typeof Pipeline> {
  return action(Pipeline, {
    async unary({ groups }, context) {
      return answer(
        groups.flatMap(({ steps }) => steps),
        context,
      );
    },
    async streamedIn(messages, context) {
      const steps: Step[] = [];
      for await (const { groups } of messages) steps.push(...groups.flatMap((group) => group.steps));
      return answer(steps, context);
    },
    async *streamedOut({ groups }, context) {
      for (const { steps } of groups) yield answer(steps, context);
    },
    async *streamed(messages, context) {
      for await (const { groups } of messages) {
        for (const { steps } of groups) yield answer(steps, context);
      }
    },
    touch({ groups }, { effect }) {
      for (const { steps } of groups)
        for (const { step } of steps) {
          if (step.case === "effect") effect(Other.method.note, { id: step.value });
        }
    },
  });
}

/** A pipeline with the handlers that a test gives; the other handlers do nothing. */
export function pipelineOf(handlers: Partial<ActionHandlers<typeof Pipeline>>): Action<typeof Pipeline> {
  return action(Pipeline, {
    unary: () => ({ message: "" }),
    streamedIn: () => ({ message: "" }),
    streamedOut: () => [],
    streamed: () => [],
    touch: () => undefined,
    ...handlers,
  });
}

/** The target of the models' forwards and effects. */
export function otherAction(): Action<typeof Other> {
  return action(Other, {
    call: ({ id }) => ({ message: `other ${id}` }),
    note: () => undefined,
  });
}

async function processSteps(
  { steps }: Request,
  context: HandlerContext & { readonly state: { readonly value: string } },
  change: (step: Step) => void,
): Promise<Result> {
  for (const one of steps) {
    if (await commonStep(one, context)) continue;
    const { step } = one;
    if (step.case === "fail") context.fail(step.value);
    else change(one);
  }
  return lastAnswer(steps, context) ?? { message: context.state.value };
}

async function answer(steps: readonly Step[], context: ActionContext): Promise<Result> {
  for (const one of steps) await commonStep(one, context);
  const last = steps.findLast(({ step }) => step.case === "reply" || step.case === "fail")?.step;
  return (
    lastAnswer(steps, context) ??
    (last?.case === "fail" ? context.failure(last.value) : undefined) ??
    (last?.case === "reply" ? { message: last.value } : context.noReply())
  );
}

/** Whether it was one of the steps that every service has. */
async function commonStep({ step }: Step, { effect }: HandlerContext): Promise<boolean> {
  if (step.case === "crash") throw new RangeError(step.value);
  if (step.case === "wait") await nextTurn();
  else if (step.case === "effect") effect(Other.method.call, { id: step.value });
  else if (step.case === "synchronousEffect") {
    effect(Other.method.call, { id: step.value }, { synchronous: true });
  } else return false;
  return true;
}

function lastAnswer(
  steps: readonly Step[],
  { forward, reply }: HandlerContext,
): Answer<typeof ResponseSchema> | undefined {
  const last = steps.findLast(({ step }) => step.case === "forward" || step.case === "metadata")?.step;
  if (last?.case === "forward") return forward(Other.method.call, { id: last.value });
  if (last?.case !== "metadata") return undefined;
  const metadata = { "x-test": last.value, "x-test-bin": Buffer.from(last.value) };
  return reply(ResponseSchema, { message: "with metadata" }, { metadata });
}
