// SPDX-License-Identifier: Apache-2.0

import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import { EventLogError } from "../../eventlog/mod.ts";
import type { StatusError } from "../../grpc/mod.ts";
import { Status } from "../../grpc/mod.ts";
import { ORIGIN, readCommit, writeCommit } from "../../record/mod.ts";

import { until } from "../../../test/lib/until.ts";
import { answering, any, bound, KEY, stored, told, world } from "../testdata/world.ts";

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

/** Appends another writer's record after the newest one. */
async function writeTheirs(log: EventLog): Promise<void> {
  let cursor = ORIGIN;
  for (const record of (await log.read(KEY)).records) cursor = readCommit(cursor, record).cursor;
  await log.append(KEY, cursor.position, writeCommit(cursor, { kind: "events", events: [any("theirs")] }, 1));
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
