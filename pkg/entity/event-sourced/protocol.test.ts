// SPDX-License-Identifier: Apache-2.0

import { create, toBinary } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import test from "ava";
import fc from "fast-check";

import { Status } from "../../grpc/mod.ts";
import { EventSourcedStreamOutSchema } from "../../protocol/mod.ts";

import { EVENT_SOURCED } from "./protocol.ts";

type Out = MessageInitShape<typeof EventSourcedStreamOutSchema>;
type ReplyInit = Extract<NonNullable<Out["message"]>, { case: "reply" }>["value"];

const any = (text: string) => ({ typeUrl: "type.googleapis.com/T", value: Buffer.from(text) });
const answer = { action: { case: "reply" as const, value: { payload: any("answer") } } };
const failure = (restart = false) => ({
  action: { case: "failure" as const, value: { commandId: 1n, description: "no", restart } },
});

const { judge } = EVENT_SOURCED;

function bytes(out: Out): Uint8Array {
  return toBinary(EventSourcedStreamOutSchema, create(EventSourcedStreamOutSchema, out));
}

function replyBytes(reply: ReplyInit): Uint8Array {
  return bytes({ message: { case: "reply", value: reply } });
}

function judgeReply(reply: ReplyInit) {
  return judge(replyBytes(reply), 1n);
}

test("a reply without events is answered at once", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: answer });
  t.like(verdict, {
    kind: "answer",
    forget: false,
    answer: { ok: true, reply: { typeUrl: "type.googleapis.com/T" } },
  });
});

test("a reply with events asks for one commit of all of them, with the snapshot", (t) => {
  const verdict = judgeReply({
    commandId: 1n,
    clientAction: answer,
    events: [any("a"), any("b")],
    snapshot: any("s"),
  });
  t.like(verdict, { kind: "commit", answer: { ok: true } });
  t.true(verdict.kind === "commit" && verdict.change.kind === "events" && verdict.change.events.length === 2);
});

test("a failure is the caller's, with the user function's text, and changes nothing", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: failure() });
  t.like(verdict, {
    kind: "answer",
    forget: false,
    answer: { ok: false, error: { message: "no", status: Status.UNKNOWN } },
  });
});

test("a failure with restart, or with events, makes the proxy forget the entity and store nothing", (t) => {
  t.like(judgeReply({ commandId: 1n, clientAction: failure(true) }), { kind: "answer", forget: true });
  t.like(judgeReply({ commandId: 1n, clientAction: failure(), events: [any("a")] }), {
    kind: "answer",
    forget: true,
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
  t.like(judge(out, 1n), { kind: "broken", text: "Unexpected entity failure", detail: "boom" });
});

test("an empty message and garbage break the stream", (t) => {
  t.like(judge(new Uint8Array(0), 1n), { kind: "broken", text: "Unexpected entity message" });
  t.like(judge(Buffer.from([0xff, 0xff]), 1n), { kind: "broken", text: "Unexpected entity message" });
});

test("what this version cannot carry out is refused as a whole and reported", (t) => {
  const forward = { action: { case: "forward" as const, value: { serviceName: "S", commandName: "C" } } };
  const refused = { kind: "answer", forget: true, answer: { ok: false, error: { code: "NOT_SUPPORTED" } } };
  t.like(judgeReply({ commandId: 1n, clientAction: forward, events: [any("a")] }), refused);
  t.like(judgeReply({ commandId: 1n, clientAction: answer, sideEffects: [{ serviceName: "S" }] }), refused);
});

test("a snapshot without events is refused: nothing says which events it contains", (t) => {
  const verdict = judgeReply({ commandId: 1n, clientAction: answer, snapshot: any("s") });
  t.like(verdict, {
    kind: "answer",
    forget: true,
    answer: { ok: false, error: { code: "PROTOCOL_VIOLATION" } },
  });
});

test("events without an answer are stored all the same, and the caller is told that there is no reply", (t) => {
  const verdict = judgeReply({ commandId: 1n, events: [any("a")] });
  t.like(verdict, {
    kind: "commit",
    answer: { ok: false, error: { code: "NO_REPLY", status: Status.INTERNAL } },
  });
});

test("I12: no bytes make it throw", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.option(fc.bigInt({ min: 1n, max: 3n })), (bytes, id) => {
      t.truthy(judge(bytes, id ?? undefined).kind);
    }),
  );
});
