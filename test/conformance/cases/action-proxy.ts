// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";

import { ActionProtocol } from "../../../pkg/protocol/gen/cloudstate/action_pb.ts";
import type { Response } from "../gen/cloudstate/tck/model/action_pb.ts";
import { ActionTckModel, ActionTwo, ResponseSchema } from "../gen/cloudstate/tck/model/action_pb.ts";
import {
  commandToTwo,
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
import { effects } from "../kinds/answer.ts";
import type { Case, Group, ProxySide } from "../suite/case.ts";
import { ObservedAction } from "../suite/observed-action.ts";
import {
  expectFailure,
  expectHttpFailure,
  expectJson,
  expectReply,
  PublicCall,
} from "../suite/public-calls.ts";

const { processUnary, processStreamedIn, processStreamedOut, processStreamed } = ActionTckModel.method;
const { handleUnary, handleStreamedIn, handleStreamedOut, handleStreamed } = ActionProtocol.method;

const responseOf = (message: string): Response => create(ResponseSchema, { message });

function actionCase(name: string, run: (side: ProxySide) => Promise<void>): Case<ProxySide> {
  return { name, needs: [ActionTckModel, ActionTwo], run };
}

/** A forward or an effect must have become a call of the second service. */
async function expectCallToTwo(side: ProxySide, id: string): Promise<void> {
  const call = await ObservedAction.claim(side, handleUnary);
  await call.expectCommand(commandToTwo(id));
  await call.expectResponse(response(reply("")));
}

const unary = actionCase("unary command processing", async (side) => {
  const payload = request([replyWith("one")]);
  await expectReply(side, processUnary, payload, responseOf("one"));
  const call = await ObservedAction.claim(side, handleUnary);
  await call.expectCommand(firstCommand(processUnary, payload));
  await call.expectResponse(response(reply("one")));
});

const streamedIn = actionCase("streamed-in command processing", async (side) => {
  const payload = request([replyWith("two")]);
  await expectReply(side, processStreamedIn, payload, responseOf("two"));
  const call = await ObservedAction.claim(side, handleStreamedIn);
  await call.expectCommand(firstCommand(processStreamedIn));
  await call.expectCommand(nextCommand(payload));
  await call.expectProxyCompletion();
  await call.expectResponse(response(reply("two")));
});

const streamedOut = actionCase("streamed-out command processing", async (side) => {
  const texts = ["A", "B", "C"];
  const payload = request(...texts.map((text) => [replyWith(text)]));
  const caller = new PublicCall(side, processStreamedOut).send(payload).complete();
  for (const text of texts) await caller.expect(responseOf(text));
  await caller.expectCompletion();
  const call = await ObservedAction.claim(side, handleStreamedOut);
  await call.expectCommand(firstCommand(processStreamedOut, payload));
  for (const text of texts) await call.expectResponse(response(reply(text)));
  await call.expectServiceCompletion();
});

const streamed = actionCase("streamed command processing", async (side) => {
  const texts = ["X", "Y", "Z"];
  const caller = new PublicCall(side, processStreamed);
  for (const text of texts) caller.send(request([replyWith(text)]));
  caller.complete();
  for (const text of texts) await caller.expect(responseOf(text));
  await caller.expectCompletion();
  const call = await ObservedAction.claim(side, handleStreamed);
  await call.expectCommand(firstCommand(processStreamed));
  for (const text of texts) {
    await call.expectCommand(nextCommand(request([replyWith(text)])));
    await call.expectResponse(response(reply(text)));
  }
  await call.expectProxyCompletion();
  await call.expectServiceCompletion();
});

const unaryForwardsAndSideEffects = actionCase("unary forwards and side effects", async (side) => {
  const forwarded = request([forwardTo("other")]);
  await expectReply(side, processUnary, forwarded, responseOf(""));
  const first = await ObservedAction.claim(side, handleUnary);
  await first.expectCommand(firstCommand(processUnary, forwarded));
  await first.expectResponse(response(forward("other")));
  await expectCallToTwo(side, "other");

  const effect = effects("another");
  const payload = request([replyWith(""), ...effect.map(effectOn)]);
  await expectReply(side, processUnary, payload, responseOf(""));
  const second = await ObservedAction.claim(side, handleUnary);
  await second.expectCommand(firstCommand(processUnary, payload));
  await second.expectResponse(response(reply(""), effect));
  await expectCallToTwo(side, "another");
});

const streamedForwardsAndSideEffects = actionCase("streamed forwards and side effects", async (side) => {
  const caller = new PublicCall(side, processStreamed);
  caller.send(request([forwardTo("one")]));
  await caller.expect(responseOf(""));
  const call = await ObservedAction.claim(side, handleStreamed);
  await call.expectCommand(firstCommand(processStreamed));
  await call.expectCommand(nextCommand(request([forwardTo("one")])));
  await call.expectResponse(response(forward("one")));
  await expectCallToTwo(side, "one");

  // An answer without a reply: the caller gets nothing.
  const effect = effects("two");
  caller.send(request(effect.map(effectOn)));
  await call.expectCommand(nextCommand(request(effect.map(effectOn))));
  await call.expectResponse(response(undefined, effect));
  await expectCallToTwo(side, "two");

  await caller.complete().expectCompletion();
  await call.expectProxyCompletion();
  await call.expectServiceCompletion();
});

const unaryFailures = actionCase("unary failures", async (side) => {
  const payload = request([failWith("expected failure")]);
  await expectFailure(side, processUnary, payload, "expected failure");
  const call = await ObservedAction.claim(side, handleUnary);
  await call.expectCommand(firstCommand(processUnary, payload));
  await call.expectResponse(response(failure("expected failure")));
});

const streamedFailures = actionCase("streamed failures", async (side) => {
  // The caller does not half-close. The failure must end the call nevertheless.
  const payload = request([failWith("expected failure")]);
  const caller = new PublicCall(side, processStreamed).send(payload);
  await caller.expectFailure("expected failure");
  const call = await ObservedAction.claim(side, handleStreamed);
  await call.expectCommand(firstCommand(processStreamed));
  await call.expectCommand(nextCommand(payload));
  await call.expectResponse(response(failure("expected failure")));
});

const httpApi = actionCase("unary HTTP API", async (side) => {
  const path = "/tck/model/action/unary";
  const wellJson = '{"groups": [{"steps": [{"reply": {"message": "foo"}}]}]}';
  await expectJson(side, path, wellJson, '{"message":"foo"}');
  const well = await ObservedAction.claim(side, handleUnary);
  await well.expectCommand(firstCommand(processUnary, request([replyWith("foo")])));
  await well.expectResponse(response(reply("foo")));

  const illJson = '{"groups": [{"steps": [{"fail": {"message": "boom"}}]}]}';
  await expectHttpFailure(side, path, illJson, "boom");
  const ill = await ObservedAction.claim(side, handleUnary);
  await ill.expectCommand(firstCommand(processUnary, request([failWith("boom")])));
  await ill.expectResponse(response(failure("boom")));
});

export const actionProxyGroup: Group = {
  half: "proxy",
  title: "verifying proxy test: action",
  cases: [
    unary,
    streamedIn,
    streamedOut,
    streamed,
    unaryForwardsAndSideEffects,
    streamedForwardsAndSideEffects,
    unaryFailures,
    streamedFailures,
    httpApi,
  ],
};
