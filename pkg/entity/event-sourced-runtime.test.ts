// SPDX-License-Identifier: Apache-2.0

import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import test from "ava";
import type { ExecutionContext } from "ava";

import { COUNTER_REQUEST, COUNTER_SERVICE, counterRequest, counterSpec } from "../../test/lib/counter.ts";
import { startScriptedUserFunction } from "../../test/lib/scripted-user-function.ts";
import type { Script, ScriptedStream, StreamOut } from "../../test/lib/scripted-user-function.ts";
import { until } from "../../test/lib/until.ts";
import { ManualClock, silentLogger, systemClock } from "../base/mod.ts";
import { EventLogError, openMemoryLog } from "../eventlog/mod.ts";
import type { EventLog } from "../eventlog/mod.ts";
import { connect, Status, StatusError } from "../grpc/mod.ts";
import { EventSourced, messageTypeUrl } from "../protocol/mod.ts";
import type { EventSourcedStreamIn } from "../protocol/mod.ts";
import { validateSpec } from "../userfunction/mod.ts";

import { EventSourcedRuntime } from "./event-sourced-runtime.ts";
import { ORIGIN, readCommit, writeCommit } from "./history.ts";
import { DEFAULT_ENTITY_OPTIONS } from "./options.ts";
import type { EntityOptions } from "./options.ts";

const ADD = "Add";
const KEY = { type: "counter", id: "a" };

interface World {
  readonly runtime: EventSourcedRuntime;
  readonly log: EventLog;
  readonly clock: ManualClock;
  readonly streams: readonly ScriptedStream[];
  readonly reports: string[];
  send(id: string, amount?: number, more?: SendOptions): Promise<string>;
  killUserFunction(): void;
}

interface SendOptions {
  readonly deadlineMs?: number;
  readonly onCancel?: (listener: () => void) => void;
}

interface WorldOptions {
  readonly options?: Partial<EntityOptions>;
  readonly log?: (log: EventLog) => EventLog;
}

/** A runtime with a real log, in front of a user function over real gRPC; only time is ours. */
async function world(
  t: ExecutionContext,
  onMessage: Script["onMessage"],
  setup: WorldOptions = {},
): Promise<World> {
  const spec = counterSpec();
  const userFunction = await startScriptedUserFunction({
    spec,
    ...(onMessage !== undefined && { onMessage }),
  });
  const connection = await connect({ host: "127.0.0.1", port: userFunction.port, clock: systemClock });
  const clock = new ManualClock(1_000);
  const memory = openMemoryLog();
  const log = setup.log?.(memory) ?? memory;
  const reports: string[] = [];
  const runtime = new EventSourcedRuntime({
    log,
    streams: connection,
    clock,
    logger: silentLogger,
    options: { ...DEFAULT_ENTITY_OPTIONS, ...setup.options },
    reportError: (message) => reports.push(message),
  });
  t.teardown(async () => {
    connection.destroy();
    userFunction.kill();
    await log.close();
  });

  const validation = validateSpec(spec, [EventSourced.typeName]);
  if (!validation.ok) throw new Error(validation.errors.join());
  const method = validation.spec.services.get(COUNTER_SERVICE)?.methods.get(ADD);
  if (method === undefined) throw new Error("no method");
  const send = async (
    id: string,
    amount = 0,
    { deadlineMs, onCancel = () => undefined }: SendOptions = {},
  ) => {
    const payload = counterRequest(id, amount);
    const reply = await runtime.dispatch({ method, entityId: id, payload, deadlineMs, onCancel });
    return Buffer.from(reply.payload).toString();
  };
  const { streams } = userFunction;
  return { runtime, log, clock, streams, reports, send, killUserFunction: () => userFunction.kill() };
}

function any(text: string): Any {
  return create(AnySchema, { typeUrl: messageTypeUrl(COUNTER_REQUEST), value: Buffer.from(text) });
}

interface ReplyParts {
  readonly text?: string;
  readonly events?: readonly string[];
  readonly snapshot?: string;
  readonly fail?: string;
  readonly restart?: boolean;
}

function reply(
  commandId: bigint,
  { text = "ok", events = [], snapshot, fail, restart }: ReplyParts = {},
): StreamOut {
  const clientAction =
    fail === undefined
      ? { action: { case: "reply" as const, value: { payload: any(text) } } }
      : {
          action: {
            case: "failure" as const,
            value: { commandId, description: fail, restart: restart ?? false },
          },
        };
  return {
    message: {
      case: "reply",
      value: {
        commandId,
        clientAction,
        events: events.map(any),
        ...(snapshot !== undefined && { snapshot: any(snapshot) }),
      },
    },
  };
}

/** Answers each command by what `parts` says of it. */
function answering(
  parts: (commandId: bigint, stream: ScriptedStream) => ReplyParts | undefined,
): Script["onMessage"] {
  return (message, stream) => {
    if (message.message.case !== "command") return;
    const { id } = message.message.value;
    const said = parts(id, stream);
    if (said !== undefined) stream.send(reply(id, said));
  };
}

/** What a stream received, in short: `init`, `init+2:state`, `event 1:x`, `command 1`. */
function told({ received }: ScriptedStream): string[] {
  return received.map(({ message }: EventSourcedStreamIn) => {
    switch (message.case) {
      case "init": {
        const { snapshot } = message.value;
        if (snapshot === undefined) return "init";
        return `init+${snapshot.snapshotSequence}:${Buffer.from(snapshot.snapshot?.value ?? []).toString()}`;
      }
      case "event":
        return `event ${message.value.sequence}:${Buffer.from(message.value.payload?.value ?? []).toString()}`;
      case "command":
        return `command ${message.value.id}`;
      case undefined:
        return "nothing";
    }
  });
}

/** The events that the log holds of an entity, checked as a replay would check them. */
async function stored(log: EventLog, key = KEY): Promise<string[]> {
  const page = await log.read(key);
  let cursor = ORIGIN;
  const events: string[] = [];
  for (const record of page.records) {
    const commit = readCommit(cursor, record);
    cursor = commit.cursor;
    events.push(...commit.events.map((event) => Buffer.from(event.value).toString()));
  }
  return events;
}

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

test("I3: when another writer was there first the memory goes, and the command is carried out on what is there", async (t) => {
  const { send, streams, log } = await world(
    t,
    answering(() => ({ events: ["mine"] })),
  );
  await send("a");
  await writeTheirs(log);
  const [overtaken, waiting] = [send("a"), send("a")];
  t.deepEqual(await Promise.all([overtaken, waiting]), ["ok", "ok"]);
  t.is(await streams[0]!.ended, "completed");
  const fresh = ["init", "event 1:mine", "event 2:theirs", "command 1", "command 2"];
  t.deepEqual(told(streams[1]!), fresh);
  t.deepEqual(await stored(log), ["mine", "theirs", "mine", "mine"]);
});

test("I3, I11: a command that is overtaken again and again is refused; what was never stored is never seen", async (t) => {
  const { send, streams, log } = await world(
    t,
    answering(() => ({ events: ["mine"] })),
    { log: overtaking, options: { maxConflictRetries: 2 } },
  );
  const error = await t.throwsAsync(send("a"), { code: "APPEND_CONFLICT" });
  t.is((error as StatusError).status, Status.ABORTED);
  t.deepEqual(await stored(log), ["theirs", "theirs", "theirs"]);
  t.is(streams.flatMap(told).filter((what) => what.startsWith("command")).length, 3);
});

test("I3: a user function that does more than answer can have a command once only", async (t) => {
  const { send, streams, log } = await world(
    t,
    answering(() => ({ events: ["mine"] })),
    { options: { maxConflictRetries: 0 } },
  );
  await send("a");
  await writeTheirs(log);
  await t.throwsAsync(send("a"), { code: "APPEND_CONFLICT" });
  t.is(await send("a"), "ok");
  t.deepEqual(told(streams[1]!), ["init", "event 1:mine", "event 2:theirs", "command 1"]);
});

test("a command that was overtaken, and whose caller goes away before the second time, is not carried out", async (t) => {
  let goAway: () => void = () => undefined;
  let reads = 0;
  const leaving = (log: EventLog): EventLog => ({
    ...overtaking(log),
    read: (...parameters) => {
      if (++reads === 2) goAway();
      return log.read(...parameters);
    },
  });
  const { send, streams } = await world(
    t,
    answering(() => ({ events: ["mine"] })),
    { log: leaving },
  );
  const sent = send("a", 0, { onCancel: (listener) => void (goAway = listener) });
  await t.throwsAsync(sent, { code: "CANCELLED" });
  await until("it is replayed", () => streams.length === 2 && told(streams[1]!).length === 2);
  t.deepEqual(told(streams[1]!), ["init", "event 1:theirs"]);
});

test("I5: a record of unknown outcome that is there is replayed, and its caller told that nobody knows", async (t) => {
  let lost = true;
  const losing = (log: EventLog): EventLog => ({
    ...bound(log),
    append: async (...parameters) => {
      const position = await log.append(...parameters);
      if (!lost) return position;
      lost = false;
      throw new EventLogError("OUTCOME_UNKNOWN", "no answer");
    },
  });
  const { send, streams, log } = await world(
    t,
    answering(() => ({ events: ["x"] })),
    { log: losing },
  );
  const error = await t.throwsAsync(send("a"), { code: "OUTCOME_UNKNOWN" });
  t.is((error as StatusError).status, Status.UNKNOWN);
  t.is(await send("a"), "ok");
  t.deepEqual(told(streams[1]!), ["init", "event 1:x", "command 1"]);
  t.deepEqual(await stored(log), ["x", "x"]);
});

test("I5: a record of unknown outcome that lands after the replay is found by the next append", async (t) => {
  let land: (() => Promise<unknown>) | undefined;
  let lost = true;
  const late = (log: EventLog): EventLog => ({
    ...bound(log),
    append: async (...parameters) => {
      if (lost) {
        lost = false;
        land = () => log.append(...parameters);
        throw new EventLogError("OUTCOME_UNKNOWN", "no answer");
      }
      await land?.();
      land = undefined;
      return log.append(...parameters);
    },
  });
  const { send, streams, log } = await world(
    t,
    answering((id) => ({ events: [`x${id}`] })),
    { log: late },
  );
  await t.throwsAsync(send("a"), { code: "OUTCOME_UNKNOWN" });
  t.is(await send("a"), "ok");
  t.deepEqual(told(streams[2]!), ["init", "event 1:x1", "command 1"]);
  t.deepEqual(await stored(log), ["x1", "x1"]);
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
  t.regex(error?.message ?? "", /counter\/a: .*position 1/);
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

/** The log's methods, free of `this`, so that a test can replace one. */
/** Another writer's record behind the newest one. */
async function writeTheirs(log: EventLog): Promise<void> {
  let cursor = ORIGIN;
  for (const record of (await log.read(KEY)).records) cursor = readCommit(cursor, record).cursor;
  await log.append(KEY, cursor.position, writeCommit(cursor, [any("theirs")], 1));
}

/** Another writer is always faster. */
function overtaking(log: EventLog): EventLog {
  return {
    ...bound(log),
    append: async (...parameters) => {
      await writeTheirs(log);
      return log.append(...parameters);
    },
  };
}

function bound(log: EventLog): EventLog {
  return {
    durability: log.durability,
    partitions: log.partitions,
    partitionOf: (...parameters) => log.partitionOf(...parameters),
    read: (...parameters) => log.read(...parameters),
    append: (...parameters) => log.append(...parameters),
    saveSnapshot: (...parameters) => log.saveSnapshot(...parameters),
    tail: (...parameters) => log.tail(...parameters),
    list: (...parameters) => log.list(...parameters),
    close: () => log.close(),
  };
}
