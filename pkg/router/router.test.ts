// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import { callerlessCall } from "../call/mod.ts";
import type { Command, EntityCommand, Outcome } from "../entity/mod.ts";
import { NO_EFFECTS } from "../entity/mod.ts";
import { Status, StatusError } from "../grpc/mod.ts";
import { NO_METADATA } from "../protocol/mod.ts";

import { counterRequest } from "../../test/lib/counter.ts";
import { plenty } from "../../test/lib/plenty.ts";
import { methodOf, reply, startRouter } from "./testdata/world.ts";

const WRONG: Outcome = {
  kind: "reply",
  typeUrl: "type.googleapis.com/other.Type",
  payload: Buffer.from("reply"),
  metadata: NO_METADATA,
  effects: NO_EFFECTS,
};

const wrongType = (method: string, expected: string): string =>
  `perdure.test.${method} answered type.googleapis.com/other.Type, but type.googleapis.com/perdure.test.${expected} is declared`;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

test("the entity is found by its key, and the payload goes on as it came", async (t) => {
  const given: EntityCommand[] = [];
  const { send } = startRouter({
    entity: (_name, _id, command) => {
      given.push(command);
      return { ...WRONG, typeUrl: "type.googleapis.com/perdure.test.Request" };
    },
  });
  const payload = counterRequest("ann", 3);
  await send("Counter.Add", "", { deadlineMs: 5 }, payload);
  t.like(given[0], { entityId: "ann", payload, call: { deadlineMs: 5 } });
});

test("a request that names no entity, or none that may be, is refused with a code", async (t) => {
  const { send, seen } = startRouter({});
  await t.throwsAsync(send("Counter.Add", "", {}, new Uint8Array(0)), {
    code: "ENTITY_KEY_MISSING",
  });
  await t.throwsAsync(send("Counter.Add", ""), { code: "ENTITY_KEY_MISSING" });
  const malformed = Buffer.from([0x0a, 0x7f, 0x41]);
  await t.throwsAsync(send("Counter.Add", "", {}, malformed), { code: "MALFORMED_MESSAGE" });
  await t.throwsAsync(send("Counter.Add", "123456789"), {
    code: "ENTITY_ID_TOO_LONG",
    message: /more than 8 characters/,
  });
  t.deepEqual(seen, []);
});

test("an action gets the payload and the metadata, and its own reply's metadata comes back", async (t) => {
  const given: Command[] = [];
  const metadata = [{ key: "a", value: "b" }];
  const { router } = startRouter({
    unary: (_name, _text, call) => {
      given.push(call);
      return { ...reply("x"), metadata } as Outcome;
    },
  });
  const call = callerlessCall(plenty().charge(), [{ key: "c", value: Buffer.from("d") }]);
  const command = { method: methodOf("Talks.Say"), payload: new Uint8Array(0), call };
  const answered = await router.unary(command);
  t.is(given[0]?.call, call);
  t.is(given[0]?.payload, command.payload);
  t.is(answered.metadata, metadata);
});

test("a reply of the wrong type is delivered and reported, in a stream once", async (t) => {
  const { send, stream, reports } = startRouter({
    entity: () => WRONG,
    unary: () => WRONG,
    async *streamed() {
      yield WRONG;
      yield WRONG;
    },
  });
  await send("Counter.Add", "a");
  await send("Talks.Say", "a");
  t.is((await collect(stream("Talks.Chat"))).length, 2);
  t.deepEqual(reports, [
    wrongType("Counter.Add", "Request"),
    wrongType("Talks.Say", "Line"),
    wrongType("Talks.Chat", "Line"),
  ]);
});

test("no reply is an error where one belongs, and nothing in a stream", async (t) => {
  const nothing: Outcome = { kind: "nothing", effects: NO_EFFECTS };
  const { send, stream } = startRouter({
    unary: () => nothing,
    async *streamed(name) {
      if (name === "Gather") return;
      yield nothing;
      yield reply("a");
      yield nothing;
    },
  });
  await t.throwsAsync(send("Talks.Say"), { code: "NO_REPLY" });
  await t.throwsAsync(collect(stream("Talks.Gather")), { code: "NO_REPLY" });
  t.deepEqual(await collect(stream("Talks.Recite")), ["a"]);
});

test("a method with one reply that gives two is an error", async (t) => {
  const { stream } = startRouter({
    async *streamed() {
      yield reply("a");
      yield reply("b");
    },
  });
  await t.throwsAsync(collect(stream("Talks.Gather")), { code: "MESSAGE_COUNT" });
});

test("a failure ends a stream behind what came before it, and lets go of the user function", async (t) => {
  const error = new StatusError(Status.UNKNOWN, "COMMAND_FAILED", "no");
  let letGo = false;
  const { stream } = startRouter({
    async *streamed() {
      try {
        yield reply("a");
        yield { kind: "failure", error, effects: NO_EFFECTS };
        yield reply("never");
      } finally {
        letGo = true;
      }
    },
  });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const text of stream("Talks.Chat")) seen.push(text);
  })();
  t.is(await t.throwsAsync(reading), error);
  t.deepEqual(seen, ["a"]);
  t.true(letGo);
});

test("a reader that leaves lets go of the user function", async (t) => {
  let letGo = false;
  const { stream } = startRouter({
    async *streamed() {
      try {
        for (;;) yield reply("a");
      } finally {
        letGo = true;
      }
    },
  });
  for await (const text of stream("Talks.Chat")) {
    t.is(text, "a");
    break;
  }
  t.true(letGo);
});
