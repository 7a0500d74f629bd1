// SPDX-License-Identifier: Apache-2.0

import type { Msg } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { ManualClock } from "../../base/test-doubles/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { until } from "../../../test/lib/until.ts";
import { isUndelivered } from "../forward-error.ts";
import { callSubject, cancelSubject, requestReply } from "./frames.ts";
import type { ForwardedRequest } from "./mod.ts";
import type { World } from "./testdata/forward-world.ts";
import { forwardWorld, OWNER, PREFIX } from "./testdata/forward-world.ts";

const HELLO = Buffer.from("hello");
const CALL = `${PREFIX}.answer.stranger.1`;

const echo = async ({ bytes }: ForwardedRequest): Promise<Uint8Array> => bytes;

/** Another client, which sends what a proxy never would. */
async function stranger(t: ExecutionContext, { server }: World) {
  const client = await connect({ port: server.port });
  t.teardown(() => client.close());
  const answers: string[] = [];
  const note = (_error: Error | null, message: Msg): void =>
    void answers.push(`${message.subject.slice(CALL.length + 1)} ${message.string()}`);
  client.subscribe(`${PREFIX}.answer.stranger.>`, { callback: note });
  const send = (part: { index: number; totalBytes: number } | undefined, bytes: Uint8Array | string): void =>
    client.publish(callSubject(PREFIX, OWNER), bytes, {
      reply: requestReply({ call: CALL, leftMs: undefined, part }),
    });
  return { client, answers, send };
}

natsTest("I11: no more calls and bytes are under way with one peer than may be", async (t) => {
  const finish = Promise.withResolvers<Uint8Array>();
  const options = { maxPeerCalls: 3, maxPeerBytes: 10_000, maxMessageBytes: 8_000 };
  const world = await forwardWorld(t, () => finish.promise, { options });
  const calls = [world.ask(HELLO), world.ask(new Uint8Array(5_000))];
  const busy = { code: "PEER_BUSY", message: /nothing was done/ };
  await t.throwsAsync(world.ask(new Uint8Array(3_000)), busy);
  calls.push(world.ask(HELLO));
  const error = await t.throwsAsync(world.ask(HELLO), busy);
  t.false(isUndelivered(error), "another proxy would not take it either");
  await t.throwsAsync(world.ask(new Uint8Array(8_001)), {
    code: "MESSAGE_TOO_LARGE",
    message: /nothing was done/,
  });
  await t.throwsAsync(
    world.ask(HELLO, "other.1"),
    { code: "PEER_UNREACHABLE" },
    "another peer has bounds of its own",
  );
  finish.resolve(HELLO);
  t.is((await Promise.all(calls)).length, 3);
  t.is(world.callerMemory.used, 0);
});

natsTest("I11: the owner refuses what is too much for it, and nothing of it is done", async (t) => {
  let count = 0;
  const finish = Promise.withResolvers<Uint8Array>();
  const world = await forwardWorld(
    t,
    () => {
      count++;
      return finish.promise;
    },
    { server: { maxPayloadBytes: 1_000 }, ownerOptions: { maxPeerCalls: 1, maxMessageBytes: 4_000 } },
  );
  const first = world.ask(HELLO);
  await until("it is there", () => world.owner.open === 1);
  for (const length of [5, 3_000])
    await t.throwsAsync(world.ask(new Uint8Array(length)), { code: "PEER_BUSY" });
  await t.throwsAsync(world.ask(new Uint8Array(4_001)), { code: "MESSAGE_TOO_LARGE" });
  finish.resolve(HELLO);
  await first;
  await until("it has ended", () => world.owner.open === 0);
  await t.throwsAsync(world.ask(new Uint8Array(4_001)), { code: "MESSAGE_TOO_LARGE" });
  t.is(count, 1);
  t.is(world.ownerMemory.used, 0);
});

natsTest("I11: the memory of all calls is bounded, at both ends", async (t) => {
  const world = await forwardWorld(t, async () => new Uint8Array(9_000), {
    server: { maxPayloadBytes: 1_000 },
    memoryBytes: 16_000,
  });
  await t.throwsAsync(world.ask(new Uint8Array(9_000)), { code: "PEER_BUSY" });
  await t.throwsAsync(world.ask(HELLO), { code: "PEER_LOST", message: /no room for the 9000 bytes/ });
  await until("it has ended", () => world.owner.open === 0);
  t.deepEqual([world.callerMemory.used, world.ownerMemory.used], [0, 0]);
});

natsTest("an answer that is too large is refused, and says that the request was carried out", async (t) => {
  const world = await forwardWorld(t, async () => new Uint8Array(2_001), {
    options: { maxMessageBytes: 2_000 },
  });
  await t.throwsAsync(world.ask(HELLO), { code: "MESSAGE_TOO_LARGE", message: /was carried out/ });
});

natsTest("a request with a missing part is not carried out, and its caller is told", async (t) => {
  let count = 0;
  const ownerClock = new ManualClock();
  const world = await forwardWorld(
    t,
    (request) => {
      count++;
      return echo(request);
    },
    { ownerClock },
  );
  const { answers, send } = await stranger(t, world);
  const totalBytes = 9;
  send({ index: 0, totalBytes }, "abc");
  send({ index: 2, totalBytes }, "ghi");
  await until("it is refused", () => answers.length === 1);
  t.is(world.ownerMemory.used, 0);
  send({ index: 1, totalBytes }, "def");
  await until("it is refused", () => answers.length === 2);
  send({ index: 0, totalBytes }, "abc");
  await until("it is kept", () => world.ownerMemory.used > 0);
  ownerClock.advance(4_999);
  t.is(answers.length, 2);
  ownerClock.advance(1);
  await until("it is refused", () => answers.length === 3);
  t.deepEqual(answers, ["f INCOMPLETE", "f INCOMPLETE", "f INCOMPLETE"]);
  t.is(world.ownerMemory.used, 0);
  t.is(count, 0);
  for (const [index, piece] of ["abc", "def", "ghi"].entries()) send({ index, totalBytes }, piece);
  await until("it is answered", () => answers.length === 4);
  t.is(answers[3], "a abcdefghi");
});

natsTest("a caller learns that a part was lost, and may send again", async (t) => {
  const world = await forwardWorld(t, echo);
  const call = world.ask(HELLO, "lossy.1");
  const client = await connect({ port: world.server.port });
  t.teardown(() => client.close());
  client.subscribe(callSubject(PREFIX, "lossy.2"), {
    callback: (_error, { reply = "" }) =>
      client.publish(reply.slice(0, reply.lastIndexOf(".")).concat(".f"), "INCOMPLETE"),
  });
  await client.flush();
  await t.throwsAsync(call);
  t.true(isUndelivered(await t.throwsAsync(world.ask(HELLO, "lossy.2"), { code: "PEER_UNREACHABLE" })));
});

natsTest(
  "an answer with a missing part, or in words of a newer version, has an unknown outcome",
  async (t) => {
    const world = await forwardWorld(t, echo);
    const client = await connect({ port: world.server.port });
    t.teardown(() => client.close());
    const answerWith = (peer: string, messages: readonly [end: string, bytes: string][]): void => {
      client.subscribe(callSubject(PREFIX, peer), {
        callback: (_error, { reply = "" }) => {
          for (const [end, bytes] of messages)
            client.publish(`${reply.slice(0, reply.lastIndexOf("."))}.${end}`, bytes);
        },
      });
    };
    answerWith("gap.1", [
      ["a-0-6", "ab"],
      ["a-2-6", "ef"],
    ]);
    answerWith("huge.1", [["a-0-999999999999", "ab"]]);
    answerWith("new.1", [["f", "TOO_TIRED"]]);
    answerWith("odd.1", [
      ["z", "?"],
      ["a-x", "?"],
      ["w", ""],
      ["a", "hello"],
    ]);
    await client.flush();
    await t.throwsAsync(world.ask(HELLO, "gap.1"), {
      code: "PEER_LOST",
      message: /a part of its answer was lost/,
    });
    await t.throwsAsync(world.ask(HELLO, "huge.1"), { code: "PEER_LOST", message: /no room/ });
    await t.throwsAsync(world.ask(HELLO, "new.1"), { code: "PEER_LOST", message: /: TOO_TIRED$/ });
    t.is(Buffer.from(await world.ask(HELLO, "odd.1")).toString(), "hello");
    t.deepEqual([world.caller.open, world.callerMemory.used], [0, 0]);
  },
);

natsTest("I12: garbage on any of the subjects does nothing", async (t) => {
  let count = 0;
  const world = await forwardWorld(t, (request) => {
    count++;
    return echo(request);
  });
  const { client, answers, send } = await stranger(t, world);
  const subject = callSubject(PREFIX, OWNER);
  client.publish(subject, "no reply subject");
  for (const reply of [
    "x",
    `${PREFIX}.answer.`,
    `${CALL}.x`,
    `${CALL}.1-2`,
    "$SYS.REQ.1",
    `${PREFIX}.call.a.1`,
  ])
    client.publish(subject, "?", { reply });
  client.publish(cancelSubject(PREFIX, OWNER), new Uint8Array([0xff, 0xfe]));
  client.publish(cancelSubject(PREFIX, OWNER), CALL);
  for (const end of ["", "x", "1", "1.", "1.a", "1.a-0-5", "1.f", "-1.a"]) {
    const name = `${PREFIX}.answer.${end}`;
    if (!name.endsWith(".")) client.publish(name, "?");
  }
  send({ index: 0, totalBytes: 0 }, "");
  await until("it is refused", () => answers.length === 1);
  t.is(Buffer.from(await world.ask(HELLO)).toString(), "hello");
  t.is(count, 1);
  t.is(world.ownerMemory.used, 0);
});

natsTest("I12: a handler that fails, which it must not, is answered for", async (t) => {
  const world = await forwardWorld(t, () => Promise.reject(new Error("a bug")));
  await t.throwsAsync(world.ask(HELLO), { code: "PEER_LOST", message: /FAILED$/ });
  await until("it has ended", () => world.owner.open === 0);
  t.is(world.ownerMemory.used, 0);
});
