// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { Clock } from "../../base/mod.ts";
import { silentLogger, systemClock } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";
import { descriptorSet } from "../../protocol/mod.ts";

import { HttpError } from "../http/http-error.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { JsonThread } from "./json-thread.ts";
import type { Task } from "./task.ts";

const { descriptors } = heapSpec();
const BINDING = { service: "perdure.test.heap.Heaps", method: "Pile", index: undefined };
const LIMITS = { maxJsonValues: 10_000, maxJsonReplyBytes: 1_000_000, jsonTimeoutMs: 60_000 };
const isThere = () => false;

function thread(t: ExecutionContext, clock: Clock = systemClock): JsonThread {
  const made = new JsonThread({
    start: () => ({ descriptorSet: descriptorSet(descriptors), limits: LIMITS }),
    timeoutMs: LIMITS.jsonTimeoutMs,
    clock,
    logger: silentLogger,
  });
  t.teardown(() => made.close());
  return made;
}

function request(json: string): Task {
  const source = { segments: [], query: "", body: Buffer.from(json), contentType: undefined };
  return { kind: "request", binding: BINDING, source };
}

/** A text that takes so long to convert that a test can advance its clock meanwhile. */
const SLOW = `{"text":"${"a".repeat(3_000_000)}"}`;

test("it converts requests and replies", async (t) => {
  const converter = thread(t);
  const { bytes } = await converter.run(request('{"text":"ä","ints":[1]}'), isThere);
  t.deepEqual(Buffer.from(bytes), Buffer.from([0x0a, 2, 0xc3, 0xa4, 0x2a, 1, 1]));
  const text = await converter.run(
    { kind: "text", binding: BINDING, payload: bytes, before: "<", after: ">" },
    isThere,
  );
  t.regex(Buffer.from(text.bytes).toString(), /^<\{"text":"ä","blob":"",.*\}>$/);
  const reply = await converter.run({ kind: "reply", binding: BINDING, payload: bytes }, isThere);
  t.is(reply.contentType, "application/json");
  t.deepEqual(Buffer.from(text.bytes).toString(), `<${Buffer.from(reply.bytes).toString()}>`);
  t.is(bytes.length, 7, "a reply is not given away");
});

test("bytes of any length become base64", async (t) => {
  const converter = thread(t);
  for (const length of [0, 1, 2, 3, 50_000, 50_001, 50_002]) {
    const blob = Buffer.alloc(length, 0xfb);
    const { bytes } = await converter.run(request(`{"blob":"${blob.toString("base64")}"}`), isThere);
    const reply = await converter.run({ kind: "reply", binding: BINDING, payload: bytes }, isThere);
    const { blob: written } = JSON.parse(Buffer.from(reply.bytes).toString()) as { blob: string };
    t.is(written, blob.toString("base64"));
  }
});

test("what it refuses has its code, and the next text is converted", async (t) => {
  const converter = thread(t);
  const refused = [
    converter.run(request("{"), isThere),
    converter.run(request(`{"nothings":[${"{},".repeat(10_000)}{}]}`), isThere),
    converter.run(
      { kind: "reply", binding: BINDING, payload: Buffer.alloc(100_000, Buffer.from([0x1a, 0])) },
      isThere,
    ),
    converter.run({ kind: "reply", binding: BINDING, payload: Buffer.from([0x0a]) }, isThere),
  ];
  const next = converter.run(request("{}"), isThere);
  const results = await Promise.allSettled(refused);
  const codes = results.map((result) =>
    result.status === "rejected" ? (result.reason as HttpError).code : "OK",
  );
  t.deepEqual(codes, ["MALFORMED_JSON", "JSON_TOO_MANY_VALUES", "REPLY_TOO_LARGE", "MALFORMED_REPLY"]);
  t.is((await next).bytes.length, 0);
});

test("a text whose caller has gone is not converted", async (t) => {
  const converter = thread(t);
  let isGone = false;
  const first = converter.run(request(SLOW), isThere);
  const second = converter.run(request("no JSON"), () => isGone);
  isGone = true;
  await first;
  const error = await t.throwsAsync(second, { instanceOf: HttpError });
  t.is(error?.message, "the caller went away");
});

test("what takes too long fails alone, and a new thread takes the next (I12)", async (t) => {
  const clock = new ManualClock();
  const converter = thread(t, clock);
  await converter.run(request("{}"), isThere);
  const slow = converter.run(request(SLOW), isThere);
  const next = converter.run(request('{"text":"a"}'), isThere);
  clock.advance(LIMITS.jsonTimeoutMs);
  t.is((await t.throwsAsync(slow, { instanceOf: HttpError }))?.code, "CONVERSION_FAILED");
  t.is((await next).bytes.length, 3);
});

test("a thread that cannot start, or breaks, fails the text that it was given (I12)", async (t) => {
  let isBroken = true;
  const converter = new JsonThread({
    start: () => ({
      descriptorSet: isBroken ? Buffer.from([1]) : descriptorSet(descriptors),
      limits: LIMITS,
    }),
    timeoutMs: LIMITS.jsonTimeoutMs,
    clock: systemClock,
    logger: silentLogger,
  });
  t.teardown(() => converter.close());
  t.is(
    (await t.throwsAsync(converter.run(request("{}"), isThere), { instanceOf: HttpError }))?.code,
    "CONVERSION_FAILED",
  );
  isBroken = false;
  t.is((await converter.run(request("{}"), isThere)).bytes.length, 0);
});

test("an idle thread ends, and the next text has a new one; so has one that is given after the end", async (t) => {
  const clock = new ManualClock();
  const converter = thread(t, clock);
  await converter.run(request("{}"), isThere);
  clock.advance(10_000);
  t.is((await converter.run(request("{}"), isThere)).bytes.length, 0);
  const waiting = [converter.run(request("{}"), isThere), converter.run(request("{}"), isThere)];
  converter.close();
  t.is((await Promise.all(waiting)).length, 2);
});
