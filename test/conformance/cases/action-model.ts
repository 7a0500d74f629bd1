// SPDX-License-Identifier: Apache-2.0

import type { DescMethod } from "@bufbuild/protobuf";

import {
  ActionCommandSchema,
  ActionProtocol,
  ActionResponseSchema,
} from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import type { Request } from "../gen/cloudstate/tck/model/action_pb.ts";
import { ActionTckModel, ActionTwo } from "../gen/cloudstate/tck/model/action_pb.ts";
import type { Step } from "../kinds/action.ts";
import {
  effectOn,
  failure,
  failWith,
  firstCommand,
  forward,
  forwardTo,
  nextCommand,
  reply,
  replyWith,
  request,
  response,
} from "../kinds/action.ts";
import type { Effect, Outcome } from "../kinds/answer.ts";
import { effects, synchronousEffects } from "../kinds/answer.ts";
import type { Case, Group, ServiceSide } from "../suite/case.ts";
import { entityOf } from "../suite/case.ts";
import { Conversation } from "../suite/conversation.ts";
import { expectEqual } from "../suite/expectation.ts";
import { pathOf } from "../wire/paths.ts";

const { processUnary, processStreamedIn, processStreamedOut, processStreamed } = ActionTckModel.method;
const { handleUnary, handleStreamedIn, handleStreamedOut, handleStreamed } = ActionProtocol.method;

/** One kind of answer: the steps of a request that ask for it, and the outcome that must come. */
interface Way {
  readonly one: string;
  readonly many: string;
  readonly steps: (text: string) => readonly Step[];
  readonly outcome: (text: string) => Outcome | undefined;
}

const REPLY: Way = { one: "reply", many: "replies", steps: (text) => [replyWith(text)], outcome: reply };
const NO_REPLY: Way = {
  one: "no reply",
  many: "no replies",
  steps: () => [],
  outcome: () => undefined,
};
const FORWARD: Way = {
  one: "forward",
  many: "forwards",
  steps: (text) => [forwardTo(text)],
  outcome: forward,
};
const FAILURE: Way = {
  one: "failure",
  many: "failures",
  steps: (text) => [failWith(text)],
  outcome: failure,
};
const WAYS: readonly Way[] = [REPLY, NO_REPLY, FORWARD, FAILURE];

/** The effects that one answer may have, and the suffix of the names of those cases. */
const EFFECTS: readonly { readonly name: string; readonly effects: readonly Effect[] }[] = [
  { name: "", effects: [] },
  { name: " with side effect", effects: effects("other") },
  { name: " with synchronous side effect", effects: synchronousEffects("another") },
  { name: " with several side effects", effects: effects("a", "b", "c") },
];

function actionCase(name: string, run: (side: ServiceSide) => Promise<void>): Case<ServiceSide> {
  return { name, needs: [ActionTckModel, ActionTwo], run };
}

function begin(
  { service, withinMs }: ServiceSide,
  protocolMethod: DescMethod,
  method: DescMethod,
  payload?: Request,
): Conversation {
  const call = new Conversation(service, pathOf(protocolMethod), ActionResponseSchema, withinMs);
  return call.send(ActionCommandSchema, firstCommand(method, payload));
}

function unaryCases(way: Way): Case<ServiceSide>[] {
  return EFFECTS.map(({ name, effects: asked }) =>
    actionCase(`unary ${way.one}${name}`, async (side) => {
      const payload = request([...way.steps("one"), ...asked.map(effectOn)]);
      const call = begin(side, handleUnary, processUnary, payload).complete();
      await call.expect(response(way.outcome("one"), asked));
      await call.expectCompletion();
    }),
  );
}

/** One answer to all requests, after the last of them. */
function streamedInCase(
  name: string,
  requests: readonly (readonly Step[])[],
  outcome: Outcome | undefined,
  expected: readonly Effect[] = [],
): Case<ServiceSide> {
  return actionCase(`streamed-in ${name}`, async (side) => {
    const call = begin(side, handleStreamedIn, processStreamedIn);
    for (const steps of requests) call.send(ActionCommandSchema, nextCommand(request(steps)));
    call.complete();
    await call.expect(response(outcome, expected));
    await call.expectCompletion();
  });
}

function streamedInCases({ one, steps, outcome }: Way): Case<ServiceSide>[] {
  const [first, second, last] = [effects("a"), synchronousEffects("b"), effects("c", "d")];
  const requests = [[...steps("two"), ...first.map(effectOn)], second.map(effectOn), last.map(effectOn)];
  return [
    streamedInCase(one, [steps("one")], outcome("one")),
    streamedInCase(`${one} with side effects`, requests, outcome("two"), [...first, ...second, ...last]),
  ];
}

/** The groups of the stream cases: the text to ask for, and the effects that must come with it. */
const GROUPS = EFFECTS.map(({ effects: asked }, index) => ({ text: `answer ${index + 1}`, asked }));

function streamedOutCase({ many, steps, outcome }: Way): Case<ServiceSide> {
  return actionCase(`streamed-out ${many} with side effects`, async (side) => {
    const groups = GROUPS.map(({ text, asked }) => [...steps(text), ...asked.map(effectOn)]);
    const call = begin(side, handleStreamedOut, processStreamedOut, request(...groups)).complete();
    for (const { text, asked } of GROUPS) await call.expect(response(outcome(text), asked));
    await call.expectCompletion();
  });
}

/** Each answer is waited for before the next request goes out; the last request has two groups. */
function streamedCase({ many, steps, outcome }: Way): Case<ServiceSide> {
  return actionCase(`streamed ${many} with side effects`, async (side) => {
    const call = begin(side, handleStreamed, processStreamed);
    for (const { text, asked } of GROUPS) {
      call.send(ActionCommandSchema, nextCommand(request([...steps(text), ...asked.map(effectOn)])));
      await call.expect(response(outcome(text), asked));
    }
    const two = request(steps("five"), [...steps("six"), ...effects("other").map(effectOn)]);
    call.send(ActionCommandSchema, nextCommand(two));
    await call.expect(response(outcome("five")));
    await call.expect(response(outcome("six"), effects("other")));
    await call.complete().expectCompletion();
  });
}

const discovery: Case<ServiceSide> = {
  name: "action entity discovery",
  needs: [ActionTckModel, ActionTwo],
  async run({ spec }) {
    const types = [ActionTckModel, ActionTwo].map((service) => entityOf(spec, service)?.entityType);
    expectEqual("types of the actions", types, [ActionProtocol.typeName, ActionProtocol.typeName]);
  },
};

export const actionModelGroup: Group = {
  half: "service",
  title: "verifying model test: action",
  cases: [
    discovery,
    ...WAYS.flatMap(unaryCases),
    ...streamedInCases(REPLY),
    streamedInCase("no reply (no requests)", [], undefined),
    ...streamedInCases(NO_REPLY),
    ...streamedInCases(FORWARD),
    ...streamedInCases(FAILURE),
    ...WAYS.map(streamedOutCase),
    ...WAYS.map(streamedCase),
  ],
};
