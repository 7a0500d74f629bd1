// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";

import { create } from "@bufbuild/protobuf";
import test from "ava";

import type { CallAborted } from "../mod.ts";
import { Metadata } from "../mod.ts";

import type { Pipeline } from "../test-model/gen/model_pb.ts";
import { OtherRequestSchema, ResponseSchema } from "../test-model/gen/model_pb.ts";
import { pipelineAction, pipelineOf } from "../test-model/model.ts";
import { crash, effect, fail, forward, groups, reply } from "../test-model/wire.ts";
import { call, TestkitError, withMetadata } from "./mod.ts";

const pipeline = pipelineAction();

test("one message, one answer", async (t) => {
  const answered = await call(pipeline, "unary", groups([reply("a"), effect("b")]));
  t.deepEqual(answered.reply, create(ResponseSchema, { message: "a" }));
  t.like(answered.effects, [{ to: "perdure.sdk.test.Other/Call", synchronous: false }]);
  t.deepEqual(answered.effects[0]?.message, create(OtherRequestSchema, { id: "b" }));
  t.is((await call(pipeline, "unary", groups([forward("a")]))).forward?.to, "perdure.sdk.test.Other/Call");
  t.is((await call(pipeline, "unary", groups([fail("no")]))).failure, "no");
  const nothing = await call(pipeline, "unary", { groups: [] });
  t.throws(() => nothing.reply, { message: "unary answered with noReply, so there is no reply" });
});

test("many messages, one answer; the messages may come one by one", async (t) => {
  t.is((await call(pipeline, "streamedIn", [groups([reply("a")]), groups([reply("b")])])).reply.message, "b");
  async function* messages() {
    yield groups([reply("c")]);
  }
  t.is((await call(pipeline, "streamedIn", messages())).reply.message, "c");
});

test("one message, many answers; they are pulled", async (t) => {
  const answers = call(pipeline, "streamedOut", groups([reply("a")], [fail("no")], [reply("b")]));
  t.deepEqual(
    (await answers.all()).map((answer) => answer.failure ?? answer.reply.message),
    ["a", "no", "b"],
  );
});

test("many messages, many answers: each is answered before the next is asked for", async (t) => {
  const events: string[] = [];
  async function* messages() {
    for (const value of ["a", "b"]) {
      events.push(`sent ${value}`);
      yield groups([reply(value)]);
    }
  }
  for await (const answer of call(pipeline, "streamed", messages()))
    events.push(`got ${answer.reply.message}`);
  t.deepEqual(events, ["sent a", "got a", "sent b", "got b"]);
});

test("metadata and a CloudEvent come with the call, or with a message", async (t) => {
  const seeing = pipelineOf({
    unary: (_message, { metadata, cloudEvent }) => ({ message: `${metadata.get("x-a")} ${cloudEvent?.id}` }),
    async *streamed(messages, { metadata }) {
      for await (const one of messages.envelopes) {
        yield { message: `${metadata.get("x-a")} ${one.metadata.get("x-b")}` };
      }
    },
  });
  const event = Metadata.ofCloudEvent({ id: "7", source: "/a", type: "b" });
  t.is((await call(seeing, "unary", {}, { metadata: event.with("x-a", "1") })).reply.message, "1 7");
  const messages = [withMetadata<typeof Pipeline.method.streamed.input>({}, { "x-b": "2" }), {}];
  const answers = await call(seeing, "streamed", messages, { metadata: { "x-a": "1" } }).all();
  t.deepEqual(
    answers.map((answer) => answer.reply.message),
    ["1 2", "1 undefined"],
  );
});

test("leaving the loop is the caller going away", async (t) => {
  const seen: unknown[] = [];
  const endless = pipelineOf({
    async *streamedOut(_message, { signal }) {
      try {
        for (;;) yield { message: "" };
      } finally {
        seen.push(signal.aborted);
      }
    },
  });
  for await (const answer of call(endless, "streamedOut", {})) {
    seen.push(answer.reply.message);
    if (seen.length === 2) break;
  }
  t.deepEqual(seen, ["", "", true]);
});

test("aborting the signal is the caller going away, for whoever waits", async (t) => {
  const seen: unknown[] = [];
  const waiting = pipelineOf({
    async *streamed(messages) {
      yield { message: "ready" };
      try {
        for await (const _message of messages) seen.push("message");
      } catch (error) {
        seen.push((error as { code?: unknown }).code);
        throw error;
      }
    },
    async unary(_message, { signal }) {
      await once(signal, "abort");
      throw signal.reason;
    },
  });
  const caller = new AbortController();
  // oxlint-disable-next-line require-yield -- it never comes to one.
  async function* silence() {
    await new Promise(() => undefined);
  }
  for await (const _answer of call(waiting, "streamed", silence(), { signal: caller.signal })) {
    setImmediate(() => caller.abort());
  }
  t.deepEqual(seen, ["CANCELLED"]);
  const other = new AbortController();
  const unary = call(waiting, "unary", {}, { signal: other.signal });
  setImmediate(() => other.abort());
  await t.throwsAsync(unary, { instanceOf: TestkitError, message: /the caller went away/ });
});

test("what would break the call breaks the test, with the reason", async (t) => {
  const message = "the action ended the call: Unexpected failure: boom";
  const thrown = await t.throwsAsync(call(pipeline, "unary", groups([crash("boom")])), { message });
  t.true(thrown.cause instanceof RangeError);
  await t.throwsAsync(call(pipeline, "streamedOut", groups([crash("boom")])).all(), { message });
  // @ts-expect-error -- a text is no message.
  await t.throwsAsync(call(pipeline, "unary", "a"), { message: /the message of unary gave 'a'/ });
  // @ts-expect-error -- no method of the service.
  t.throws(() => call(pipeline, "unari", {}), {
    message:
      "perdure.sdk.test.Pipeline has no method unari; it has unary, streamedIn, streamedOut, streamed, touch",
  });
});

test("an action that aborts rejects; the cause has the status and what goes with it", async (t) => {
  const aborting = pipelineOf({
    unary: (_message, { abort }) => abort("NOT_FOUND", "gone", { trailers: { "x-tail": "1" } }),
    *streamedOut(_message, { abort }) {
      yield { message: "a" };
      abort("ABORTED", "enough");
    },
  });
  const error = await t.throwsAsync(call(aborting, "unary", groups()), { instanceOf: TestkitError });
  t.is(error?.message, "the action ended the call with NOT_FOUND: gone");
  const cause = error?.cause as CallAborted | undefined;
  t.like(cause, { status: "NOT_FOUND", message: "gone" });
  t.is(cause?.trailers.get("X-Tail"), "1");
  await t.throwsAsync(call(aborting, "streamedOut", groups()).all(), { message: /ABORTED: enough$/ });
});

test("what goes with the end of a stream is there when it has ended", async (t) => {
  const finishing = pipelineOf({
    *streamedOut(_message, { finish }) {
      yield { message: "a" };
      return finish({ metadata: { "X-Head": "1" }, trailers: { "x-tail": ["2", "3"] } });
    },
  });
  const answers = call(finishing, "streamedOut", groups());
  t.is(answers.finish, undefined);
  t.is((await answers.all()).length, 1);
  t.deepEqual(answers.finish?.metadata.entries, [["x-head", "1"]]);
  t.deepEqual(answers.finish?.trailers.getAll("x-tail"), ["2", "3"]);
});

test("what goes behind a reply is apart from what goes with it", async (t) => {
  const trailing = pipelineOf({
    unary: (_message, context) =>
      context.reply(ResponseSchema, {}, { metadata: { a: "1" }, trailers: { b: "2" } }),
  });
  const { metadata, trailers } = await call(trailing, "unary", groups());
  t.deepEqual([metadata.entries, trailers.entries], [[["a", "1"]], [["b", "2"]]]);
});
