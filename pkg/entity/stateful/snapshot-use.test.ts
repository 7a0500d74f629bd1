// SPDX-License-Identifier: Apache-2.0

import type { ExecutionContext } from "ava";
import test from "ava";

import type { EventLog } from "../../eventlog/mod.ts";
import { openMemoryLog } from "../../eventlog/mod.ts";
import { Status, StatusError } from "../../grpc/mod.ts";
import { readSnapshot, writeSnapshot } from "../../record/mod.ts";

import type { Script } from "../../../test/lib/scripted-user-function.ts";
import { until } from "../../../test/lib/until.ts";
import { DEFAULT_ENTITY_OPTIONS } from "../settings.ts";
import { answering, any, KEY, reply, stored, told, world } from "../testdata/world.ts";
import { refusalByEnd, refusalByFailure } from "./snapshot-use.ts";

/** More than grpc-js's default limit for a message. */
const TOO_LARGE = "s".repeat(5 * 1_048_576);

type World = Awaited<ReturnType<typeof world>>;

async function passivate({ clock, runtime }: World): Promise<void> {
  clock.advance(DEFAULT_ENTITY_OPTIONS.passivationTimeoutMs);
  await until("the entity has left", () => runtime.active === 0);
}

/** A snapshot with the second command of each stream. */
const snapshots = answering((id) => ({ events: [`e${id}`], ...(id === 2n && { snapshot: "state" }) }));

// Versions.

test("a snapshot of another version is not used, and the events are replayed; one of the same version is", async (t) => {
  const log = openMemoryLog();
  const inLife = async (snapshotVersion: string, commands: number): Promise<string[]> => {
    const it = await world(t, snapshots, { log: () => log, snapshotVersion });
    for (let i = 0; i < commands; i++) await it.send("a");
    await passivate(it);
    return told(it.streams[0]!);
  };
  const command = (count: number) => Array.from({ length: count }, (_, i) => `command ${i + 1}`);
  t.deepEqual(await inLife("", 2), ["init", ...command(2)]);
  t.deepEqual(await inLife("", 1), ["init+2:state", ...command(1)], "no version is a version too");
  const three = ["event 1:e1", "event 2:e2", "event 3:e1"];
  t.deepEqual(await inLife("2", 2), ["init", ...three, ...command(2)]);
  t.deepEqual(await inLife("2", 1), ["init+5:state", ...command(1)]);
  const six = [...three, "event 4:e1", "event 5:e2", "event 6:e1"];
  t.deepEqual(await inLife("", 1), ["init", ...six, ...command(1)], "nor is one of a newer version");
  t.is(readSnapshot((await log.read(KEY)).snapshot!).version, "2", "it stays, since its code may come back");
});

test("I6: a snapshot of another version still tells that records were lost", async (t) => {
  const log = openMemoryLog();
  const first = await world(t, snapshots, { log: () => log });
  await first.send("a");
  await passivate(first);
  const cursor = { position: 99, sequence: 9, recordHash: new Uint8Array(32) };
  await log.saveSnapshot(KEY, 99, writeSnapshot(cursor, any("state"), "old", 1));
  const second = await world(t, snapshots, { log: () => log });
  const refused = await t.throwsAsync(second.send("a"), { instanceOf: StatusError });
  t.is(refused.code, "HISTORY_GAP");
});

test("a history of several pages is replayed whole in place of a snapshot of another version", async (t) => {
  const log = openMemoryLog({ pageRecords: 2 });
  const first = await world(t, snapshots, { log: () => log });
  for (let i = 0; i < 7; i++) await first.send("a");
  await passivate(first);
  const second = await world(t, snapshots, { log: () => log, snapshotVersion: "2" });
  await second.send("a");
  const events = Array.from({ length: 7 }, (_, i) => `event ${i + 1}:e${i + 1}`);
  t.deepEqual(told(second.streams[0]!), ["init", ...events, "command 1"]);
});

// Snapshots that the user function does not take.

test("a snapshot larger than the user function's own limit: the events are replayed, the command is answered, and why is said once", async (t) => {
  const large = answering((id) => ({
    text: `reply ${id}`,
    events: [`e${id}`],
    ...(id === 2n && { snapshot: TOO_LARGE }),
  }));
  const it = await world(t, large);
  for (const id of ["a", "b"]) for (let i = 0; i < 2; i++) await it.send(id);
  await passivate(it);
  const before = it.streams.length;
  t.is(await it.send("a"), "reply 1");
  t.deepEqual(it.streams.slice(before).map(told), [[], ["init", "event 1:e1", "event 2:e2", "command 1"]]);
  t.is(it.reports.length, 1);
  t.regex(
    it.reports[0] ?? "",
    /^perdure\.test\.Counter entity a: the user function does not take its snapshot of 5242880 bytes \(RESOURCE_EXHAUSTED: .*larger than max.*\), so the events are replayed instead;/,
  );

  // From now on snapshots of this size are neither sent nor stored.
  t.is(await it.send("b"), "reply 1");
  t.deepEqual(it.streams.slice(before + 2).map(told), [["init", "event 1:e1", "event 2:e2", "command 1"]]);
  for (let i = 0; i < 2; i++) await it.send("c");
  t.is((await it.log.read({ ...KEY, id: "c" })).snapshot, undefined);
  t.deepEqual(await stored(it.log, { ...KEY, id: "c" }), ["e1", "e2"]);
  t.is(it.reports.length, 1);
});

test("the command that found the snapshot too large is carried out once, and so are those that wait", async (t) => {
  const large = answering((id) => ({ events: [`e${id}`], ...(id === 2n && { snapshot: TOO_LARGE }) }));
  const log = openMemoryLog();
  const first = await world(t, large, { log: () => log });
  for (let i = 0; i < 2; i++) await first.send("a");
  await passivate(first);
  const second = await world(
    t,
    answering((id) => ({ text: `reply ${id}`, events: [`f${id}`] })),
    { log: () => log },
  );
  t.deepEqual(await Promise.all([second.send("a"), second.send("a")]), ["reply 1", "reply 2"]);
  t.deepEqual((await log.read(KEY, 0)).records.length, 4);
});

/** Says at once that it cannot read a snapshot; goes on without one. */
const picky =
  (commandId: bigint): Script["onMessage"] =>
  (message, stream) => {
    const { message: input } = message;
    if (input.case === "init" && input.value.snapshot !== undefined) {
      stream.send({
        message: { case: "failure", value: { commandId, description: "cannot read the snapshot" } },
      });
      stream.complete();
    } else if (input.case === "command") stream.send(reply(input.value.id, { text: "read" }));
  };

/** A log with an entity of two events and a snapshot. */
async function withSnapshot(t: ExecutionContext): Promise<EventLog> {
  const log = openMemoryLog();
  const it = await world(t, snapshots, { log: () => log });
  for (let i = 0; i < 2; i++) await it.send("a");
  await passivate(it);
  return log;
}

test("a snapshot that the user function cannot read is left out, whatever its size; others are still given", async (t) => {
  const log = await withSnapshot(t);
  const it = await world(t, picky(0n), { log: () => log });
  t.is(await it.send("a"), "read");
  t.is(it.streams.length, 2);
  t.is(told(it.streams[0]!)[0], "init+2:state");
  t.deepEqual(told(it.streams[1]!), ["init", "event 1:e1", "event 2:e2", "command 1"]);
  t.is(it.reports.length, 1);
  t.regex(
    it.reports[0] ?? "",
    /cannot go on from its snapshot \(cannot read the snapshot\).*another version of its snapshots/,
  );
  await passivate(it);
  await it.send("a");
  t.is(told(it.streams.at(-2)!)[0], "init+2:state", "it is tried again: another entity's may be readable");
});

test("a failure that is about a command is its caller's, and the command is not given again", async (t) => {
  const log = await withSnapshot(t);
  const it = await world(t, picky(1n), { log: () => log });
  const refused = await t.throwsAsync(it.send("a"), { instanceOf: StatusError });
  t.is(refused.code, "ENTITY_STREAM_BROKEN");
  t.is(it.streams.length, 1);
});

test("what fails without the snapshot too is told to the caller, after one more try", async (t) => {
  const log = await withSnapshot(t);
  const it = await world(
    t,
    (message, stream) => {
      if (message.message.case !== "init") return;
      stream.send({ message: { case: "failure", value: { commandId: 0n, description: "no" } } });
    },
    { log: () => log },
  );
  const refused = await t.throwsAsync(it.send("a"), { instanceOf: StatusError });
  t.is(refused.code, "ENTITY_STREAM_BROKEN");
  t.is(it.streams.length, 2);
  t.false(it.reports.some((text) => text.includes("snapshot")));
});

test("which ends of a stream are about its snapshot", (t) => {
  const large = 1_000_000;
  const ended = (status: Status, bytes: number) =>
    refusalByEnd(bytes, { status, code: "X", message: "text", cause: undefined });
  for (const status of [
    Status.CANCELLED,
    Status.UNKNOWN,
    Status.RESOURCE_EXHAUSTED,
    Status.OUT_OF_RANGE,
    Status.ABORTED,
    Status.INTERNAL,
  ]) {
    t.true(ended(status, large)?.isTooLarge, `${status}`);
    t.is(ended(status, 100) !== undefined, status === Status.RESOURCE_EXHAUSTED, `${status}`);
    t.is(ended(status, 0), undefined);
  }
  t.is(ended(Status.RESOURCE_EXHAUSTED, large)?.reason, "RESOURCE_EXHAUSTED: text");
  for (const status of [Status.OK, Status.UNAVAILABLE]) t.is(ended(status, large), undefined);

  const here = (code: string, status: Status) =>
    refusalByEnd(large, { status, code, message: "text", cause: new Error("here") });
  t.truthy(here("STREAM_RESET", Status.CANCELLED), "as grpc-java refuses");
  t.truthy(here("SEND_BUFFER_FULL", Status.RESOURCE_EXHAUSTED));
  t.is(here("STREAM_RESET", Status.UNAVAILABLE), undefined, "refused before anything was read");
  t.is(here("CONNECTION_LOST", Status.UNAVAILABLE), undefined);
  t.is(here("CANCELLED", Status.CANCELLED), undefined);

  const goSdk =
    "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (5242911 vs. 4194304)";
  t.true(refusalByFailure(large, goSdk)?.isTooLarge);
  t.false(refusalByFailure(large, "cannot read it")?.isTooLarge);
  t.is(refusalByFailure(0, goSdk), undefined);
});
