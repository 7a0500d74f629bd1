// SPDX-License-Identifier: Apache-2.0

import { fromBinary } from "@bufbuild/protobuf";
import type { ExecutionContext } from "ava";
import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import { EventLogError, openMemoryLog } from "../../eventlog/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { CommitSchema } from "../../protocol/mod.ts";

import type { Script } from "../../../test/lib/scripted-user-function.ts";
import { until } from "../../../test/lib/until.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import type { ReplyParts } from "../testdata/world.ts";
import { answering, any, bound, KEY, reply, stored, told, world } from "../testdata/world.ts";

/**
 * What a user function answers to its nth command. The events are the changes; the new value of a value entity is the
 * last of them.
 */
type Answering = (n: number, amount: number) => ReplyParts;
type Setup = NonNullable<Parameters<typeof world>[2]>;

interface Kind {
  readonly name: string;
  start(t: ExecutionContext, answer: Answering, setup?: Setup): ReturnType<typeof world>;
  /** What is stored of the entity, as one text. */
  state(log: EventLog): Promise<string>;
}

const counted = (answer: Answering): ((amount: number) => ReplyParts) => {
  let n = 0;
  return (amount) => answer(++n, amount);
};

const eventSourced: Kind = {
  name: "event sourced",
  start(t, answer, setup) {
    const next = counted(answer);
    const onMessage: Script["onMessage"] = ({ message }, stream) => {
      if (message.case !== "command") return;
      stream.send(reply(message.value.id, next(message.value.payload?.value.at(-1) ?? 0)));
    };
    return world(t, onMessage, setup);
  },
  state: async (log) => (await stored(log)).join(),
};

const value: Kind = {
  name: "value",
  start(t, answer, setup) {
    const next = counted(answer);
    const onValueMessage: Script["onValueMessage"] = ({ message }, stream) => {
      if (message.case !== "command") return;
      const { id, payload } = message.value;
      const parts = next(payload?.value.at(-1) ?? 0);
      const { message: said } = reply(id, parts);
      if (said?.case !== "reply") return;
      const state = parts.events?.at(-1);
      const stateAction = { action: { case: "update" as const, value: { value: any(state ?? "") } } };
      const { clientAction } = said.value;
      const changed = state !== undefined && { stateAction };
      stream.send({
        message: {
          case: "reply",
          value: { commandId: id, ...(clientAction && { clientAction }), ...changed },
        },
      });
    };
    return world(t, undefined, { ...setup, onValueMessage });
  },
  state: async (log) => {
    const record = await log.readLast(KEY);
    if (record === undefined) return "";
    return Buffer.from(fromBinary(CommitSchema, record.bytes).valueState?.value?.value ?? []).toString();
  },
};

/** Counts what is stored. */
function counting(log: EventLog): { readonly log: EventLog; readonly count: () => number } {
  let count = 0;
  const counted: EventLog = {
    ...bound(log),
    append: (...parameters) => {
      count++;
      return log.append(...parameters);
    },
    replace: (...parameters) => {
      count++;
      return log.replace(...parameters);
    },
  };
  return { log: counted, count: () => count };
}

/**
 * Refusals that are not kept, because a repeat may have another result, or because they are no verdict on the
 * command.
 */
const PASSING_REFUSALS: readonly (readonly [string, { status?: Status; extensions: string[] }])[] = [
  ["a refusal that may pass", { status: Status.UNAVAILABLE, extensions: ["failures"] }],
  ["a lost race", { status: Status.ABORTED, extensions: ["failures"] }],
  ["a defect", { status: Status.INTERNAL, extensions: ["failures"] }],
  ["a refusal without a code", { extensions: ["failures"] }],
  ["a code that nobody announced", { status: Status.NOT_FOUND, extensions: [] }],
];

for (const kind of [eventSourced, value]) {
  const passivate = async ({ clock, runtime }: Awaited<ReturnType<typeof world>>): Promise<void> => {
    clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
    await until("the entity has left", () => runtime.active === 0);
  };

  test(`I7: ${kind.name}: a repeat gets the first reply, from memory and from the log; nothing is done for it`, async (t) => {
    let commands = 0;
    let appends = (): number => 0;
    const it = await kind.start(t, (n) => ({ text: `reply ${(commands = n)}`, events: [`x${n}`] }), {
      log: (log) => {
        const counter = counting(log);
        appends = counter.count;
        return counter.log;
      },
    });
    const replies = [await it.send("a", 1, { key: "k" })];
    t.is(await it.send("a", 1), "reply 2");
    replies.push(await it.send("a", 1, { key: "k" }));
    await passivate(it);
    replies.push(await it.send("a", 1, { key: "k" }), await it.send("a", 1, { key: "k" }));
    await passivate(it);
    t.is(await it.send("a", 1), "reply 3");
    await passivate(it);
    replies.push(await it.send("a", 1, { key: "k" }));
    t.deepEqual(
      replies,
      Array.from({ length: 5 }, () => "reply 1"),
    );
    t.is(commands, 3);
    t.is(appends(), 3);
    t.is(await kind.state(it.log), kind === value ? "x3" : "x1,x2,x3");
  });

  test(`I7: ${kind.name}: a command with a key that changes nothing keeps its reply too; without a key it stores nothing`, async (t) => {
    const it = await kind.start(t, (n, amount) => ({
      text: `reply ${n}`,
      events: amount === 9 ? [] : [`x${n}`],
    }));
    t.is(await it.send("a", 9), "reply 1");
    t.is(await it.log.readLast(KEY), undefined);
    t.is(await it.send("a", 9, { key: "nothing yet" }), "reply 2");
    t.is(await it.send("a", 1), "reply 3");
    t.is(await it.send("a", 9, { key: "k" }), "reply 4");
    t.is(await it.send("a", 2), "reply 5");
    await passivate(it);
    t.is(await it.send("a", 9, { key: "nothing yet" }), "reply 2");
    t.is(await it.send("a", 9, { key: "k" }), "reply 4");
    t.is(await it.send("a", 9, { key: "another" }), "reply 6");
    t.is(await kind.state(it.log), kind === value ? "x5" : "x3,x5");
  });

  test(`I7: ${kind.name}: a command that failed had no effect, so a repeat is carried out`, async (t) => {
    const it = await kind.start(t, (n) =>
      n === 1 ? { fail: "not today", events: ["lost"] } : { events: [`x${n}`] },
    );
    await t.throwsAsync(it.send("a", 1, { key: "k" }), { code: "COMMAND_FAILED" });
    t.is(await it.send("a", 1, { key: "k" }), "ok");
    t.is(await it.send("a", 1, { key: "k" }), "ok");
    t.is(await kind.state(it.log), "x2");
  });

  test(`I7: ${kind.name}: a refusal for good is an answer: a repeat gets the same, from memory and from the log`, async (t) => {
    let commands = 0;
    const it = await kind.start(
      t,
      (n) => {
        commands = n;
        if (n === 1) return { events: ["x1"] };
        const status = Status.NOT_FOUND;
        return n === 2
          ? { fail: "not here", status, restart: true, events: ["lost"] }
          : { events: [`x${n}`] };
      },
      { extensions: ["failures"] },
    );
    t.is(await it.send("a", 1), "ok");
    const same = { code: "COMMAND_FAILED", message: "not here" };
    for (let i = 0; i < 2; i++) {
      const error = await t.throwsAsync(it.send("a", 2, { key: "k" }), same);
      t.is((error as StatusError).status, Status.NOT_FOUND);
    }
    await passivate(it);
    const error = await t.throwsAsync(it.send("a", 2, { key: "k" }), same);
    t.is((error as StatusError).status, Status.NOT_FOUND);
    t.is(commands, 2);
    t.is(await kind.state(it.log), "x1");
    await t.throwsAsync(it.send("a", 3, { key: "k" }), { code: "IDEMPOTENCY_KEY_REUSED" });
    t.is(await it.send("a", 2, { key: "another" }), "ok");
    t.is(await kind.state(it.log), kind === value ? "x3" : "x1,x3");
  });

  for (const [why, said] of PASSING_REFUSALS) {
    test(`I7: ${kind.name}: ${why} is kept by nobody, so a repeat is carried out`, async (t) => {
      const { extensions, ...parts } = said;
      const answer: Answering = (n) => (n === 1 ? { fail: "not now", ...parts } : { events: [`x${n}`] });
      const it = await kind.start(t, answer, { extensions });
      const error = await t.throwsAsync(it.send("a", 1, { key: "k" }), { code: "COMMAND_FAILED" });
      t.is(
        (error as StatusError).status,
        extensions.length === 0 ? Status.UNKNOWN : (parts.status ?? Status.UNKNOWN),
      );
      t.is(await it.log.readLast(KEY), undefined);
      t.is(await it.send("a", 1, { key: "k" }), "ok");
      t.is(await kind.state(it.log), "x2");
    });
  }

  test(`I7: ${kind.name}: a refusal without a key leaves no record`, async (t) => {
    const it = await kind.start(t, () => ({ fail: "no", status: Status.NOT_FOUND }), {
      extensions: ["failures"],
    });
    await t.throwsAsync(it.send("a", 1), { message: "no" });
    t.is(await it.log.readLast(KEY), undefined);
  });

  test(`I7: ${kind.name}: a key belongs to one method and payload of one entity`, async (t) => {
    const it = await kind.start(t, (n) => ({ text: `reply ${n}`, events: [`x${n}`] }));
    await it.send("a", 1, { key: "k" });
    for (const other of [it.send("a", 2, { key: "k" }), it.send("a", 1, { key: "k", method: "Get" })]) {
      const error = await t.throwsAsync(other, { code: "IDEMPOTENCY_KEY_REUSED" });
      t.is((error as StatusError).status, Status.ALREADY_EXISTS);
    }
    t.is(await it.send("b", 1, { key: "k" }), "reply 2");
    t.is(await it.send("a", 1, { key: "k" }), "reply 1");
    t.is(await kind.state(it.log), "x1");
  });

  test(`I7: ${kind.name}: repeats that come while the first is open wait for it`, async (t) => {
    const it = await kind.start(t, (n) => ({ text: `reply ${n}`, events: [`x${n}`] }));
    const sent = Array.from({ length: 5 }, () => it.send("a", 1, { key: "k" }));
    t.deepEqual(
      await Promise.all(sent),
      Array.from({ length: 5 }, () => "reply 1"),
    );
    t.is(await kind.state(it.log), "x1");
  });

  test(`I7: ${kind.name}: another proxy's reply counts, also one that came while the command was open`, async (t) => {
    const shared = { log: () => log };
    const log = openMemoryLog();
    const ours = await kind.start(t, (n) => ({ text: `ours ${n}`, events: [`ours${n}`] }), shared);
    const theirs = await kind.start(t, (n) => ({ text: `theirs ${n}`, events: [`theirs${n}`] }), shared);
    await ours.send("a", 1);
    t.is(await theirs.send("a", 1, { key: "k" }), "theirs 1");
    t.is(await ours.send("a", 1, { key: "k" }), "theirs 1");
    t.is(await kind.state(log), kind === value ? "theirs1" : "ours1,theirs1");
    const both = await Promise.all([
      ours.send("a", 2, { key: "both" }),
      theirs.send("a", 2, { key: "both" }),
    ]);
    t.is(both[0], both[1]);
  });

  test(`I7, I5: ${kind.name}: after an append of unknown outcome a repeat gets the reply if it was stored, also late`, async (t) => {
    let fate: "stored" | "late" | "lost" | undefined;
    let land: (() => Promise<unknown>) | undefined;
    const losing = (log: EventLog): EventLog => {
      const store =
        (how: "append" | "replace"): EventLog["append"] =>
        async (...parameters) => {
          const now = fate;
          fate = undefined;
          if (now === "stored") await log[how](...parameters);
          if (now === "late") land = () => log[how](...parameters);
          if (now !== undefined) throw new EventLogError("OUTCOME_UNKNOWN", "no answer");
          await land?.();
          land = undefined;
          return log[how](...parameters);
        };
      return { ...bound(log), append: store("append"), replace: store("replace") };
    };
    const it = await kind.start(t, (n) => ({ text: `reply ${n}`, events: [`x${n}`] }), { log: losing });
    for (const [how, expected] of [
      ["stored", "reply 1"],
      ["late", "reply 2"],
      ["lost", "reply 5"],
    ] as const) {
      fate = how;
      await t.throwsAsync(it.send("a", 1, { key: how }), { code: "OUTCOME_UNKNOWN" });
      t.is(await it.send("a", 1, { key: how }), expected);
      t.is(await it.send("a", 1, { key: how }), expected);
    }
    t.is(await kind.state(it.log), kind === value ? "x5" : "x1,x2,x5");
  });

  test(`I7, I11: ${kind.name}: a key that is forgotten is carried out anew`, async (t) => {
    const it = await kind.start(t, (n) => ({ text: `reply ${n}`, events: [`x${n}`] }), {
      options: { maxKeptReplies: 2 },
    });
    for (const key of ["k1", "k2", "k3"]) await it.send("a", 1, { key });
    t.is(await it.send("a", 1, { key: "k2" }), "reply 2");
    t.is(await it.send("a", 1, { key: "k1" }), "reply 4");
    await passivate(it);
    t.is(await it.send("a", 1, { key: "k1" }), "reply 4");
    t.is(await it.send("a", 1, { key: "k3" }), "reply 3");
  });

  test(`I6: ${kind.name}: a history that has lost what this proxy saw stored is refused`, async (t) => {
    const shared: { log: EventLog | undefined } = { log: undefined };
    const older = openMemoryLog();
    t.teardown(() => older.close());
    const it = await kind.start(t, (n) => ({ events: [`x${n}`] }), {
      log: (log) => {
        const now = (): EventLog => shared.log ?? log;
        return {
          ...bound(log),
          read: (...parameters) => now().read(...parameters),
          readLast: (...parameters) => now().readLast(...parameters),
          append: (...parameters) => now().append(...parameters),
          replace: (...parameters) => now().replace(...parameters),
        };
      },
    });
    await it.send("a", 1);
    shared.log = older;
    const error = await t.throwsAsync(it.send("a", 1), { code: "HISTORY_GAP" });
    t.is((error as StatusError).status, Status.DATA_LOSS);
    t.regex(error?.message ?? "", /the record at position 1 was stored and is gone/);
  });
}

test("I7: events without a reply are stored once, and a repeat is told the same", async (t) => {
  let commands = 0;
  const { ask, log } = await world(t, ({ message }, stream) => {
    if (message.case !== "command") return;
    commands++;
    const { id: commandId } = message.value;
    stream.send({ message: { case: "reply", value: { commandId, events: [any("x")] } } });
  });
  t.like(await ask("a", 1, { key: "k" }), { kind: "nothing" });
  t.like(await ask("a", 1, { key: "k" }), { kind: "nothing" });
  t.is(commands, 1);
  t.deepEqual(await stored(log), ["x"]);
});

test("I7: replies go on in a snapshot, and the records before it are not read again", async (t) => {
  const script = answering((id) => ({ text: `reply ${id}`, events: [`x${id}`], snapshot: `s${id}` }));
  const { send, clock, runtime, streams } = await world(t, script);
  for (const key of ["k1", "k2"]) await send("a", 1, { key });
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
  t.is(await send("a", 1, { key: "k1" }), "reply 1");
  t.is(await send("a", 1, { key: "k2" }), "reply 2");
  // The user function has not answered a command for that.
  await until("it has been told", () => streams[1]?.received.length === 1);
  t.deepEqual(told(streams[1]!), ["init+2:s2"]);
});

test("I7: a repeat starts the entity's idle time anew, and is refused when its deadline is over", async (t) => {
  const { send, clock, runtime } = await world(
    t,
    answering(() => ({ events: ["x"] })),
  );
  for (let i = 0; i < 3; i++) {
    await send("a", 1, { key: "k" });
    clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs - 1);
  }
  t.is(runtime.active, 1);
  const open = send("a", 2);
  await t.throwsAsync(send("a", 1, { key: "k", deadlineMs: 0 }), { code: "MAILBOX_TIMEOUT" });
  t.is(await open, "ok");
});
