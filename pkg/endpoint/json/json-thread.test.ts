// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { Clock } from "../../base/mod.ts";
import { systemClock } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";
import { callerAccounts, newCaller, OpenRequest } from "../../grpc/mod.ts";
import { descriptorSet } from "../../protocol/mod.ts";
import { NO_TELEMETRY } from "../../telemetry/mod.ts";

import { HttpError } from "../http/http-error.ts";
import { heapSpec } from "../testdata/library-spec.ts";
import { JsonThread } from "./json-thread.ts";
import type { Task } from "./task.ts";

const { descriptors } = heapSpec();
const BINDING = { service: "perdure.test.heap.Heaps", method: "Pile", index: undefined };
const LIMITS = { maxJsonValues: 10_000, maxJsonReplyBytes: 1_000_000, jsonTimeoutMs: 60_000 };
const ACCOUNTS = callerAccounts(100_000_000, 1_000);

/** A call on a new connection; all connections have the same address. */
function newCall(caller = newCaller(ACCOUNTS)): { readonly request: OpenRequest; gone: boolean } {
  return { request: new OpenRequest(caller, 0), gone: false };
}

function thread(t: ExecutionContext, clock: Clock = systemClock): JsonThread {
  const made = new JsonThread({
    start: () => ({ descriptorSet: descriptorSet(descriptors), limits: LIMITS }),
    timeoutMs: LIMITS.jsonTimeoutMs,
    clock,
    telemetry: NO_TELEMETRY,
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
  const { bytes } = await converter.run(request('{"text":"ä","ints":[1]}'), newCall());
  t.deepEqual(Buffer.from(bytes), Buffer.from([0x0a, 2, 0xc3, 0xa4, 0x2a, 1, 1]));
  const text = await converter.run(
    { kind: "text", binding: BINDING, payload: bytes, before: "<", after: ">" },
    newCall(),
  );
  t.regex(Buffer.from(text.bytes).toString(), /^<\{"text":"ä","blob":"",.*\}>$/);
  const reply = await converter.run({ kind: "reply", binding: BINDING, payload: bytes }, newCall());
  t.is(reply.contentType, "application/json");
  t.deepEqual(Buffer.from(text.bytes).toString(), `<${Buffer.from(reply.bytes).toString()}>`);
  t.is(bytes.length, 7, "a reply is not given away");
});

test("bytes of any length become base64", async (t) => {
  const converter = thread(t);
  for (const length of [0, 1, 2, 3, 50_000, 50_001, 50_002]) {
    const blob = Buffer.alloc(length, 0xfb);
    const { bytes } = await converter.run(request(`{"blob":"${blob.toString("base64")}"}`), newCall());
    const reply = await converter.run({ kind: "reply", binding: BINDING, payload: bytes }, newCall());
    const { blob: written } = JSON.parse(Buffer.from(reply.bytes).toString()) as { blob: string };
    t.is(written, blob.toString("base64"));
  }
});

test("what it refuses has its code, and the next text is converted", async (t) => {
  const converter = thread(t);
  const refused = [
    converter.run(request("{"), newCall()),
    converter.run(request(`{"nothings":[${"{},".repeat(10_000)}{}]}`), newCall()),
    converter.run(
      { kind: "reply", binding: BINDING, payload: Buffer.alloc(100_000, Buffer.from([0x1a, 0])) },
      newCall(),
    ),
    converter.run({ kind: "reply", binding: BINDING, payload: Buffer.from([0x0a]) }, newCall()),
  ];
  const next = converter.run(request("{}"), newCall());
  const results = await Promise.allSettled(refused);
  const codes = results.map((result) =>
    result.status === "rejected" ? (result.reason as HttpError).code : "OK",
  );
  t.deepEqual(codes, ["MALFORMED_JSON", "JSON_TOO_MANY_VALUES", "REPLY_TOO_LARGE", "MALFORMED_REPLY"]);
  t.is((await next).bytes.length, 0);
});

test("a text whose caller has gone is not converted", async (t) => {
  const converter = thread(t);
  const first = converter.run(request(SLOW), newCall());
  const call = newCall();
  const second = converter.run(request("no JSON"), call);
  call.gone = true;
  await first;
  const error = await t.throwsAsync(second, { instanceOf: HttpError });
  t.is(error?.message, "the caller went away");
});

test("a text waits for one of each other caller, whatever these have sent before (5)", async (t) => {
  const converter = thread(t);
  const done: string[] = [];
  const run = async (name: string, call = newCall()): Promise<void> => {
    const text = `{"text":"${name}${"a".repeat(name === "small" ? 0 : 200_000)}"}`;
    await converter.run(request(name === "refused" ? `[${text}]` : text), call).catch(() => undefined);
    done.push(name);
  };
  const greedy = newCaller(ACCOUNTS);
  const all = Array.from({ length: 40 }, (_, index) =>
    run(index % 2 === 0 ? "greedy" : "refused", newCall(greedy)),
  );
  all.push(run("other"), run("small"));
  await Promise.all(all);
  t.true(done.slice(0, 3).includes("small"), done.join());
  t.true(done.slice(0, 5).includes("other"), done.join());
  t.is(done.length, 42);
});

test("the bytes of a text that waits are counted until it is dropped, even if its caller has gone (1)", async (t) => {
  const converter = thread(t);
  const accounts = callerAccounts(100_000_000, 1_000);
  const first = converter.run(request(SLOW), newCall());
  const call = newCall(newCaller(accounts));
  t.true(call.request.bytes.take(1_000));
  const { used } = accounts.bytes;
  const second = converter.run(request("no JSON"), call);
  call.gone = true;
  call.request.close();
  t.is(accounts.bytes.used, used);
  await first;
  await t.throwsAsync(second, { instanceOf: HttpError });
  t.is(accounts.bytes.used, 0);
});

test("what takes too long fails alone, and a new thread takes the next (I12)", async (t) => {
  const clock = new ManualClock();
  const converter = thread(t, clock);
  await converter.run(request("{}"), newCall());
  const slow = converter.run(request(SLOW), newCall());
  const next = converter.run(request('{"text":"a"}'), newCall());
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
    telemetry: NO_TELEMETRY,
  });
  t.teardown(() => converter.close());
  t.is(
    (await t.throwsAsync(converter.run(request("{}"), newCall()), { instanceOf: HttpError }))?.code,
    "CONVERSION_FAILED",
  );
  isBroken = false;
  t.is((await converter.run(request("{}"), newCall())).bytes.length, 0);
});

test("an idle thread ends, and the next text has a new one; so has one that is given after the end", async (t) => {
  const clock = new ManualClock();
  const converter = thread(t, clock);
  await converter.run(request("{}"), newCall());
  clock.advance(10_000);
  t.is((await converter.run(request("{}"), newCall())).bytes.length, 0);
  const waiting = [converter.run(request("{}"), newCall()), converter.run(request("{}"), newCall())];
  converter.close();
  t.is((await Promise.all(waiting)).length, 2);
});
