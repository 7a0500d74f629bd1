// SPDX-License-Identifier: Apache-2.0

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { Status } from "../../grpc/mod.ts";
import { EventSourcedStreamOutSchema } from "../../protocol/mod.ts";

import { EVENT_SOURCED } from "./event-sourced.ts";

type Out = MessageInitShape<typeof EventSourcedStreamOutSchema>;
type ReplyInit = Extract<NonNullable<Out["message"]>, { case: "reply" }>["value"];

const any = (text: string) => ({ typeUrl: "type.googleapis.com/T", value: Buffer.from(text) });
const answer = { action: { case: "reply" as const, value: { payload: any("answer") } } };
const failure = (restart = false) => ({
  action: { case: "failure" as const, value: { commandId: 1n, description: "no", restart } },
});

const OLD: ReadonlySet<string> = new Set();
const WITH_FAILURES: ReadonlySet<string> = new Set(["failures", "of the future"]);

const judge = (message: Uint8Array, openCommandId: bigint | undefined, extensions = OLD) =>
  EVENT_SOURCED.judge(message, openCommandId, 100_000, extensions);

function bytes(out: Out): Uint8Array {
  return toBinary(EventSourcedStreamOutSchema, create(EventSourcedStreamOutSchema, out));
}

function replyBytes(reply: ReplyInit): Uint8Array {
  return bytes({ message: { case: "reply", value: reply } });
}

function judgeReply(reply: ReplyInit, extensions = OLD) {
  return judge(replyBytes(reply), 1n, extensions);
}

test("a reply without events is answered at once", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: answer });
  t.like(verdict, {
    kind: "answer",
    mustReplay: false,
    answer: { ok: true, outcome: { kind: "reply", typeUrl: "type.googleapis.com/T" } },
  });
});

test("a reply with events asks for one commit of all of them, with the snapshot", (t) => {
  const verdict = judgeReply({
    commandId: 1n,
    clientAction: answer,
    events: [any("a"), any("b")],
    snapshot: any("s"),
  });
  t.like(verdict, { kind: "commit", outcome: { kind: "reply" }, effects: [] });
  t.true(
    verdict.kind === "commit" && verdict.change?.kind === "events" && verdict.change.events.length === 2,
  );
});

test("a failure is the caller's, with the user function's text, and changes nothing", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: failure() });
  t.like(verdict, {
    kind: "answer",
    mustReplay: false,
    answer: { ok: false, error: { message: "no", status: Status.UNKNOWN } },
  });
});

test("a failure has the status that it says, if the user function announced that it says one", (t) => {
  const statusOf = (grpcStatus: number, extensions: ReadonlySet<string>): number | undefined => {
    const value = { commandId: 1n, description: "no", grpcStatus };
    const verdict = judgeReply(
      { commandId: 1n, clientAction: { action: { case: "failure", value } } },
      extensions,
    );
    return verdict.kind === "answer" && !verdict.answer.ok ? verdict.answer.error.status : undefined;
  };
  for (const status of Object.values(Status)) {
    t.is(statusOf(status, WITH_FAILURES), status === Status.OK ? Status.UNKNOWN : status);
    t.is(statusOf(status, OLD), Status.UNKNOWN);
  }
  for (const none of [-1, 17, 404, 2 ** 31 - 1, -(2 ** 31)])
    t.is(statusOf(none, WITH_FAILURES), Status.UNKNOWN);
});

test("a failure with restart, or with events, makes the proxy forget the entity and store nothing", (t) => {
  t.like(judgeReply({ commandId: 1n, clientAction: failure(true) }), { kind: "answer", mustReplay: true });
  t.like(judgeReply({ commandId: 1n, clientAction: failure(), events: [any("a")] }), {
    kind: "answer",
    mustReplay: true,
  });
});

test("a reply to another command, or to none, breaks the stream", (t) => {
  t.like(judgeReply({ commandId: 2n, clientAction: answer }), {
    kind: "broken",
    text: "Unexpected entity reply",
  });
  t.like(judge(replyBytes({ commandId: 1n, clientAction: answer }), undefined), {
    kind: "broken",
    text: "Unexpected entity reply",
  });
});

test("a stream-level failure breaks the stream, whatever command it names", (t) => {
  const out = bytes({ message: { case: "failure", value: { commandId: 9n, description: "boom" } } });
  const broken = {
    kind: "broken",
    text: "Unexpected entity failure",
    detail: "boom",
    isTold: false,
  } as const;
  t.like(judge(out, 1n), broken);
  const text = "Unexpected entity failure: the log of the user function says why";
  t.like(judge(out, 1n, WITH_FAILURES), { ...broken, text, isTold: true });
});

test("an empty message and garbage break the stream", (t) => {
  t.like(judge(new Uint8Array(0), 1n), { kind: "broken", text: "Unexpected entity message" });
  t.like(judge(Buffer.from([0xff, 0xff]), 1n), { kind: "broken", text: "Unexpected entity message" });
});

test("a forward takes the place of the reply, with events and without", (t) => {
  const call = { serviceName: "S", commandName: "C", payload: any("x") };
  const clientAction = { action: { case: "forward" as const, value: call } };
  const outcome = { kind: "forward", call: { serviceName: "S", commandName: "C" } };
  t.like(judgeReply({ commandId: 1n, clientAction, events: [any("a")] }), { kind: "commit", outcome });
  t.like(judgeReply({ commandId: 1n, clientAction }), { kind: "answer", answer: { ok: true, outcome } });
});

test("side effects are committed with the events, and without any", (t) => {
  const sideEffects = [
    { serviceName: "S", commandName: "1" },
    { serviceName: "S", commandName: "2" },
  ];
  for (const events of [[any("a")], []]) {
    const verdict = judgeReply({ commandId: 1n, clientAction: answer, sideEffects, events });
    t.like(verdict, { kind: "commit", outcome: { kind: "reply" } });
    if (verdict.kind !== "commit") continue;
    t.deepEqual(
      verdict.effects.map(({ commandName }) => commandName),
      ["1", "2"],
    );
    t.is(verdict.change === undefined, events.length === 0);
  }
});

test("a failure drops effects with the events; without events the user function's memory is right", (t) => {
  const sideEffects = [{ serviceName: "S", commandName: "C" }];
  t.like(judgeReply({ commandId: 1n, clientAction: failure(), sideEffects }), {
    kind: "answer",
    mustReplay: false,
    answer: { ok: false },
  });
});

test("a snapshot without events is refused: nothing says which events it contains", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: answer, snapshot: any("s") });
  t.like(verdict, {
    kind: "answer",
    mustReplay: true,
    answer: { ok: false, error: { code: "PROTOCOL_VIOLATION" } },
  });
});

test("events without an answer are stored all the same", (t) => {
  const verdict = judgeReply({ commandId: 1n, events: [any("a")] });
  t.like(verdict, { kind: "commit", outcome: { kind: "nothing" } });
});

test("I12: no bytes make it throw", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.option(fc.bigInt({ min: 1n, max: 3n })), (bytes, id) => {
      t.truthy(judge(bytes, id ?? undefined).kind);
    }),
  );
});
