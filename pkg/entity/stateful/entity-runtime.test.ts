// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import { EventLogError } from "../../eventlog/mod.ts";
import { StatusError } from "../../grpc/mod.ts";

import { COUNTER_SERVICE } from "../../../test/lib/counter.ts";
import type { ScriptedStream } from "../../../test/lib/scripted-entity.ts";
import type { Script } from "../../../test/lib/scripted-user-function.ts";
import { until } from "../../../test/lib/until.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { ADD, answering, bound, KEY, reply, stored, told, world } from "../testdata/world.ts";

test("the first command opens a stream with init; ids count from 1; entities have streams of their own", async (t) => {
  const { send, streams } = await world(
    t,
    answering((id) => ({ text: `reply ${id}` })),
  );
  t.is(await send("a"), "reply 1");
  t.is(await send("a"), "reply 2");
  t.is(await send("b"), "reply 1");
  t.deepEqual(streams.map(told), [
    ["init", "command 1", "command 2"],
    ["init", "command 1"],
  ]);
  const [init, command] = streams[0]!.received;
  t.like(init?.message.value, { serviceName: COUNTER_SERVICE, entityId: "a", snapshot: undefined });
  // Cloudstate's TCK compares for equality: no metadata, not even an empty one.
  t.like(command?.message.value, { entityId: "a", name: ADD, streamed: false, metadata: undefined });
});

test("all events of a command are one record, and a replay tells them in order with their sequences", async (t) => {
  const script = answering((id) => ({ events: [`${id}a`, `${id}b`] }));
  const { send, clock, streams, runtime, log } = await world(t, script);
  await send("a");
  await send("a");
  t.is((await log.read(KEY)).records.length, 2);
  t.deepEqual(await stored(log), ["1a", "1b", "2a", "2b"]);

  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  t.is(await streams[0]!.ended, "completed");
  await until("the entity has left", () => runtime.active === 0);
  await send("a");
  t.deepEqual(told(streams[1]!), [
    "init",
    "event 1:1a",
    "event 2:1b",
    "event 3:2a",
    "event 4:2b",
    "command 1",
  ]);
});

test("a replay begins at the newest snapshot", async (t) => {
  const script = answering((id) => (id === 2n ? { events: ["b"], snapshot: "a+b" } : { events: ["x"] }));
  const { send, clock, streams, runtime } = await world(t, script);
  for (let i = 0; i < 3; i++) await send("a");
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  await send("a");
  t.deepEqual(told(streams[1]!), ["init+2:a+b", "event 3:x", "command 1"]);
});

test("I1: a reply leaves only after its events are stored", async (t) => {
  const { promise: permit, resolve: allow } = Promise.withResolvers<void>();
  const slow = (log: EventLog): EventLog => ({
    ...bound(log),
    append: async (entity, ...parameters) => {
      if (entity.id === "a") await permit;
      return log.append(entity, ...parameters);
    },
  });
  const appended = answering(() => ({ events: ["x"] }));
  const { send, log, streams } = await world(t, appended, { log: slow });
  let answered = false;
  const sent = send("a").then(() => {
    answered = true;
  });
  await until("the command is open", () => streams[0]?.received.length === 2);
  // A whole command of another entity: an answer that did not wait would have come by now.
  await send("b");
  t.false(answered);
  t.deepEqual(await stored(log), []);
  allow();
  await sent;
  t.deepEqual(await stored(log), ["x"]);
});

test("I2, I4: one command at a time, in the order of arrival", async (t) => {
  let open = 0;
  const script: Script["onMessage"] = (message, stream) => {
    if (message.message.case !== "command") return;
    t.is(++open, 1);
    const { id, payload } = message.message.value;
    setImmediate(() => {
      open--;
      stream.send(reply(id, { text: String(payload?.value.at(-1)), events: [`${payload?.value.at(-1)}`] }));
    });
  };
  const { send, log } = await world(t, script);
  const amounts = Array.from({ length: 20 }, (_, i) => i + 1);
  t.deepEqual(await Promise.all(amounts.map((amount) => send("a", amount))), amounts.map(String));
  t.deepEqual(await stored(log), amounts.map(String));
});

test("I11: a full mailbox refuses the next command and serves the others", async (t) => {
  const held: (() => void)[] = [];
  const script: Script["onMessage"] = (message, stream) => {
    if (message.message.case !== "command") return;
    const { id } = message.message.value;
    held.push(() => stream.send(reply(id)));
  };
  const { send } = await world(t, script, { options: { mailboxCapacity: 2 } });
  const first = send("a");
  await until("the first is open", () => held.length === 1);
  const waiting = [send("a"), send("a")];
  await t.throwsAsync(send("a"), { code: "MAILBOX_FULL" });
  for (let i = 0; i < 3; i++) {
    await until("the next is open", () => held.length === 1);
    held.pop()!();
  }
  t.deepEqual(await Promise.all([first, ...waiting]), ["ok", "ok", "ok"]);
});

test("a failure action reaches the caller as UNKNOWN with its text, and the stream goes on", async (t) => {
  const script = answering((id) => (id === 1n ? { fail: "not today" } : {}));
  const { send, streams, log } = await world(t, script);
  await t.throwsAsync(send("a"), { message: "not today", code: "COMMAND_FAILED", instanceOf: StatusError });
  t.is(await send("a"), "ok");
  t.is(streams.length, 1);
  t.deepEqual(await stored(log), []);
});

test("a failure with restart opens a new stream with all events at once, and waiting commands keep their order", async (t) => {
  const script: Script["onMessage"] = (message, stream) => {
    if (message.message.case !== "command") return;
    const { id, payload } = message.message.value;
    const amount = payload?.value.at(-1) ?? 0;
    if (amount === 2) stream.send(reply(id, { fail: "start over", restart: true }));
    else stream.send(reply(id, { text: String(amount), events: [String(amount)] }));
  };
  const { send, streams, log } = await world(t, script);
  const results = await Promise.allSettled([1, 2, 3, 4].map((amount) => send("a", amount)));
  t.deepEqual(
    results.map((result) =>
      result.status === "fulfilled" ? result.value : (result.reason as Error).message,
    ),
    ["1", "start over", "3", "4"],
  );
  t.is(await streams[0]!.ended, "completed");
  t.deepEqual(told(streams[1]!), ["init", "event 1:1", "command 1", "command 2"]);
  t.deepEqual(await stored(log), ["1", "3", "4"]);
});

test("events that come with a failure are dropped, and the entity is replayed without them", async (t) => {
  const script = answering((id, { received }) =>
    received.length === 2 && id === 1n ? { fail: "no", events: ["lost"] } : { events: ["kept"] },
  );
  const { send, streams, log } = await world(t, script);
  await t.throwsAsync(send("a"), { message: "no" });
  await until("the entity is replayed", () => streams.length === 2);
  t.deepEqual(await stored(log), []);
});

const ABNORMAL: readonly { name: string; text: string; act: (stream: ScriptedStream, id: bigint) => void }[] =
  [
    {
      name: "a wrong command id",
      text: "Unexpected entity reply",
      act: (stream, id) => stream.send(reply(id + 7n)),
    },
    {
      name: "a stream-level failure",
      text: "Unexpected entity failure",
      act: (stream, id) =>
        stream.send({ message: { case: "failure", value: { commandId: id, description: "boom" } } }),
    },
    {
      name: "an empty message",
      text: "Unexpected entity message",
      act: (stream) => stream.sendBytes(new Uint8Array(0)),
    },
    {
      name: "garbage",
      text: "Unexpected entity message",
      act: (stream) => stream.sendBytes(Buffer.from("garbage")),
    },
    {
      name: "completing the stream",
      text: "Unexpected entity termination",
      act: (stream) => stream.complete(),
    },
    {
      name: "failing the stream",
      text: "Unexpected entity termination",
      act: (stream) => stream.fail("crashed"),
    },
  ];

for (const { name, text, act } of ABNORMAL) {
  test(`I12: ${name}: the caller and those who wait get their texts, others go on, the next command re-activates`, async (t) => {
    const { send, streams, log } = await world(t, (message, stream) => {
      if (message.message.case !== "command") return;
      const { id, payload } = message.message.value;
      if (payload?.value.at(-1) === 9) act(stream, id);
      else stream.send(reply(id, { events: ["x"] }));
    });
    await send("a", 1);
    await send("b", 1);
    const broken = send("a", 9);
    const waiting = [send("a", 1), send("a", 1)];
    await t.throwsAsync(broken, { message: text, code: "ENTITY_STREAM_BROKEN" });
    for (const delivery of waiting) await t.throwsAsync(delivery, { message: "Entity terminated" });
    t.is(await send("b", 1), "ok");
    t.is(await send("a", 1), "ok");
    t.deepEqual(told(streams.at(-1)!), ["init", "event 1:x", "command 1"]);
    t.deepEqual(await stored(log), ["x", "x"]);
  });
}

for (const [who, extensions, text, reports] of [
  ["of Cloudstate's", [], "Unexpected entity failure", ["Unexpected entity failure: boom"]],
  [
    "that tells its developer itself",
    ["failures"],
    "Unexpected entity failure: the log of the user function says why",
    [],
  ],
] as const) {
  test(`a user function ${who} gives a stream up: its caller is told where to look, and its developer once`, async (t) => {
    const giveUp: Script["onMessage"] = ({ message }, stream) => {
      if (message.case !== "command") return;
      stream.send({
        message: { case: "failure", value: { commandId: message.value.id, description: "boom" } },
      });
    };
    const it = await world(t, giveUp, { extensions: [...extensions] });
    await t.throwsAsync(it.send("a"), { message: text, code: "ENTITY_STREAM_BROKEN" });
    t.deepEqual(
      it.reports.map((report) => report.replace(/^.*entity a: /, "")),
      reports,
    );
  });
}

test("I12: a message that nobody asked for breaks only that entity", async (t) => {
  const { send, streams, runtime } = await world(
    t,
    answering(() => ({})),
  );
  await send("a");
  await send("b");
  streams[0]!.send(reply(1n));
  await until("the entity has left", () => runtime.active === 1);
  t.is(await send("b"), "ok");
  t.is(await send("a"), "ok");
});

test("commands that arrive while the entity is being passivated are kept and answered after it came back", async (t) => {
  const { send, clock, streams } = await world(
    t,
    answering(() => ({ events: ["x"] })),
  );
  await send("a");
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  t.is(await send("a"), "ok");
  t.is(await streams[0]!.ended, "completed");
  t.deepEqual(told(streams[1]!), ["init", "event 1:x", "command 1"]);
});

test("a busy entity is not passivated, and each command starts its idle time anew", async (t) => {
  const { send, clock, runtime, streams } = await world(
    t,
    answering(() => ({})),
  );
  for (let i = 0; i < 3; i++) {
    await send("a");
    clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs - 1);
  }
  t.is(runtime.active, 1);
  t.is(streams.length, 1);
});

test("a user function that does not end its stream is cut off after a bounded time", async (t) => {
  let hold = true;
  const { send, clock, runtime, streams } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    stream.send(reply(message.message.value.id));
    hold = false;
  });
  await send("a");
  t.false(hold);
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  clock.advance(DEFAULT_ENTITY_OPTIONS.streamEndTimeoutMs);
  await streams[0]!.ended;
  await until("the entity has left", () => runtime.active === 0);
  t.is(clock.pending <= 1, true);
});

test("the relay time-out answers the caller, replays the entity and goes on with those who wait", async (t) => {
  const { send, clock, streams } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    const { id, payload } = message.message.value;
    if (payload?.value.at(-1) !== 9) stream.send(reply(id));
  });
  const hung = send("a", 9);
  await until("the command is open", () => streams[0]?.received.length === 2);
  clock.advance(DEFAULT_ENTITY_OPTIONS.relayTimeoutMs - 1);
  const waiting = send("a", 1);
  clock.advance(1);
  await t.throwsAsync(hung, { code: "RELAY_TIMEOUT" });
  t.is(await waiting, "ok");
  t.deepEqual(told(streams[1]!), ["init", "command 1"]);
});

test("a command whose caller went away while it waited is never given to the user function", async (t) => {
  let goAway: () => void = () => undefined;
  const held: (() => void)[] = [];
  const { send, streams } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    const { id } = message.message.value;
    held.push(() => stream.send(reply(id)));
  });
  const first = send("a", 1);
  await until("the first is open", () => held.length === 1);
  const abandoned = send("a", 2, { onCancel: (listener) => void (goAway = listener) });
  const late = send("a", 3, { deadlineMs: 0 });
  const last = send("a", 4);
  goAway();
  held.pop()!();
  await until("the last is open", () => held.length === 1);
  held.pop()!();
  t.deepEqual(await Promise.all([first, last]), ["ok", "ok"]);
  await t.throwsAsync(abandoned, { code: "CANCELLED" });
  await t.throwsAsync(late, { code: "MAILBOX_TIMEOUT" });
  t.deepEqual(told(streams[0]!), ["init", "command 1", "command 2"]);
});

test("when the log cannot be written nothing is answered as done, and it goes on when the log does", async (t) => {
  let full = true;
  const failing = (log: EventLog): EventLog => ({
    ...bound(log),
    append: (...parameters) =>
      full ? Promise.reject(new EventLogError("LOG_FULL", "disk full")) : log.append(...parameters),
  });
  const { send, log } = await world(
    t,
    answering(() => ({ events: ["x"] })),
    { log: failing },
  );
  await t.throwsAsync(send("a"), { code: "LOG_FULL", message: /disk full/ });
  full = false;
  t.is(await send("a"), "ok");
  t.deepEqual(await stored(log), ["x"]);
});

test("I6: an entity whose history is damaged is refused loudly, others work", async (t) => {
  const { send, log } = await world(
    t,
    answering(() => ({})),
  );
  await log.append(KEY, 0, Buffer.from("not a record"));
  const error = await t.throwsAsync(send("a"), { code: "HISTORY_UNREADABLE" });
  t.regex(error?.message ?? "", /^counter\/a: position 1 in memory: the record at position 1 cannot be read/);
  t.is(await send("b"), "ok");
});

test("I11: beyond the bound the entity idle longest leaves; if none is idle the command is refused", async (t) => {
  const { send, runtime, streams } = await world(
    t,
    (message, stream) => {
      if (message.message.case !== "command") return;
      const { id, payload } = message.message.value;
      if (payload?.value.at(-1) !== 9) stream.send(reply(id));
    },
    { options: { maxActiveEntities: 2 } },
  );
  await send("a");
  await send("b");
  t.is(await send("c"), "ok");
  t.is(await streams[0]!.ended, "completed");
  await until("one has left", () => runtime.active === 2);
  void send("b", 9).catch(() => undefined);
  void send("c", 9).catch(() => undefined);
  await t.throwsAsync(send("d"), { code: "TOO_MANY_ENTITIES" });
});

test("a user function that dies: its open callers get the documented text", async (t) => {
  const { send, streams, killUserFunction, runtime } = await world(t, () => undefined);
  const sent = [send("a"), send("b")];
  await until(
    "both are open",
    () => streams.length === 2 && streams.every(({ received }) => received.length === 2),
  );
  killUserFunction();
  for (const delivery of sent) await t.throwsAsync(delivery, { message: "Unexpected entity termination" });
  t.is(runtime.active, 0);
});

test("stopping lets what is open finish, refuses what comes, and ends every stream", async (t) => {
  const held: (() => void)[] = [];
  const { send, streams, runtime } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    const { id } = message.message.value;
    if (message.message.value.entityId === "a") held.push(() => stream.send(reply(id, { events: ["x"] })));
    else stream.send(reply(id));
  });
  await send("b");
  const open = send("a");
  await until("it is open", () => held.length === 1);
  const stopped = runtime.stop();
  await t.throwsAsync(send("c"), { code: "PROXY_STOPPING" });
  held.pop()!();
  t.is(await open, "ok");
  await stopped;
  t.deepEqual(await Promise.all(streams.map((stream) => stream.ended)), ["completed", "completed"]);
});

test("while all are passivated an idle entity leaves at once, a busy one after its commands; others still come", async (t) => {
  const held: (() => void)[] = [];
  const { send, streams, runtime, clock } = await world(t, (message, stream) => {
    if (message.message.case !== "command") return;
    const { id, entityId } = message.message.value;
    if (entityId === "busy") held.push(() => stream.send(reply(id, { events: ["x"] })));
    else stream.send(reply(id));
  });
  await send("idle");
  const open = send("busy");
  await until("it is open", () => held.length === 1);
  const passivated = runtime.passivateAll();
  t.is(await streams[0]!.ended, "completed");
  await until("it has left", () => runtime.active === 1);

  t.is(await send("late"), "ok");
  t.is(await streams[2]!.ended, "completed");
  held.pop()!();
  t.is(await open, "ok");
  await passivated;
  t.is(runtime.active, 0);

  runtime.resume();
  t.is(await send("idle"), "ok");
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs - 1);
  t.is(runtime.active, 1);
});

test("(2, I11) what entities take is counted in bytes: beyond the bound the one idle longest leaves", async (t) => {
  const script = answering((id) => ({ events: ["x"], text: `${id}` + "y".repeat(20_000) }));
  const { ask, runtime } = await world(t, script, { options: { maxEntityBytes: 40_000 } });
  for (const id of ["a", "b", "c", "d"]) await ask(id);
  t.is(runtime.active, 4, "6 KiB each");
  await ask("e", 0, { key: "k" });
  await until("its kept reply has made two others leave", () => runtime.active === 3);
});
