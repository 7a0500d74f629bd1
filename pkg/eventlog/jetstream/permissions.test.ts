// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { ExecutionContext } from "ava";
import test from "ava";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { documentedPermissions, userWith, violationsOf } from "../../../test/lib/nats/permissions.ts";
import { until } from "../../../test/lib/until.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { Author } from "./author.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { encodeStored } from "./stored.ts";
import { addressOf, openLog, refused, startServer } from "./test-lib/logs.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../../docs/event-log.md"), "utf8");
const PERMISSIONS = documentedPermissions("log");

const PREFIX = "shop";
const STREAMS = 2;
const INBOX = "_PERDURE";
const WORDS = { prefix: PREFIX, streams: STREAMS, inbox: INBOX };
const QUICK: Partial<JetStreamLogOptions> = {
  inboxPrefix: INBOX,
  streams: STREAMS,
  requestTimeoutMs: 300,
  tailHeartbeatMs: 100,
};

/** For those whose requests are answered, on a busy machine too. Who lacks a permission gets no answer at all. */
const PATIENT: Partial<JetStreamLogOptions> = {
  requestTimeoutMs: 10_000,
  readDeadlineMs: 10_000,
  appendDeadlineMs: 10_000,
};

const one = new Uint8Array([1]);

/** Enough entities that both streams have some. */
const IDS = Array.from({ length: 8 }, (_, index) => `${index}`);

/** Uses the functions of a log one after another, and checks the results. */
async function useAll(t: ExecutionContext, log: EventLog): Promise<void> {
  for (const id of IDS) {
    const entity = { type: "cart", id };
    const first = await log.append(entity, NO_POSITION, one);
    let last = first;
    for (let count = 0; count < 10; count++) last = await log.append(entity, last, one);
    await refused(t, log.append(entity, first, one), "APPEND_CONFLICT");
    await log.saveSnapshot(entity, first, one);
    const { snapshot, records } = await log.read(entity);
    t.is(snapshot?.position, first);
    t.is(records.length, 10);
    await log.pack(entity);
    t.is((await log.read(entity)).records.length, 10);
  }
  await log.saveCheckpoint("reader", [1]);
  await log.saveCheckpoint("reader", [2]);
  t.deepEqual(await log.readCheckpoint("reader"), [2]);
  t.true((await log.lastPosition("cart", log.partitionOf({ type: "cart", id: "0" }))) > NO_POSITION);
  const listed: string[] = [];
  for await (const id of log.list("cart")) listed.push(id);
  t.deepEqual(listed.sort(), IDS);
  for (let partition = 0; partition < log.partitions; partition++) {
    const abort = new AbortController();
    for await (const { id } of log.tail("cart", partition, NO_POSITION, abort.signal)) {
      t.true(IDS.includes(id));
      abort.abort();
    }
  }
}

/** Uses a log as `useAll` does, on the same entities and on some of this type. Ignores refusals. */
async function tryAll(log: EventLog, type: string): Promise<void> {
  for (const id of IDS) {
    const entity = { type, id };
    const conflict = log.append({ type: "cart", id }, NO_POSITION, one).catch(() => undefined);
    let last = NO_POSITION;
    for (let count = 0; count < 3; count++) {
      last = await log.append(entity, last, one).catch(() => NO_POSITION);
      if (last === NO_POSITION) break;
    }
    await log.read(entity).catch(() => undefined);
    if (last !== NO_POSITION) await log.saveSnapshot(entity, last, one).catch(() => undefined);
    await conflict;
  }
  try {
    for await (const id of log.list("cart")) if (id === "") break;
  } catch {}
  try {
    const signal = AbortSignal.timeout(300);
    for await (const { id } of log.tail("cart", 0, NO_POSITION, signal)) if (id === "") break;
  } catch {}
}

natsTest("the permissions that docs/event-log.md names are enough, and each of them is needed", async (t) => {
  t.true(PERMISSIONS.length > 10);
  const needed = PERMISSIONS.filter(({ purpose }) => !purpose.includes("several copies"));
  const without = needed.map((left) => ({
    left,
    user: `without ${left.subject}`,
    permissions: PERMISSIONS.filter((permission) => permission !== left),
  }));
  const users = [
    '{ user: admin, password: "p" }',
    userWith("exact", PERMISSIONS, WORDS),
    ...without.map(({ user, permissions }) => userWith(user, permissions, WORDS)),
  ];
  const server = await startServer(t, {
    more: `authorization { timeout: 30, users: [\n${users.join("\n")}\n] }`,
  });
  const openAs = (user: string, more: Partial<JetStreamLogOptions> = {}): Promise<EventLog> =>
    openLog(
      t,
      addressOf(server),
      { ...QUICK, ...more, credentials: { kind: "password", user, password: "p" } },
      PREFIX,
    );

  // The admin makes the streams, because the other users may not.
  await openAs("admin", PATIENT);
  const log = await openAs("exact", PATIENT);
  await useAll(t, log);
  await log.close();

  for (const { left, user } of without) {
    const attempt = openAs(user).then(async (other) => {
      await tryAll(other, user);
      await other.close();
    });
    await attempt.catch(() => undefined);
    const what = `${left.verb} ${left.subject} is refused, since it is needed`;
    await until(what, () => violationsOf(server, user).length > 0, 5_000);
  }
  t.deepEqual(violationsOf(server, "exact"), []);
});

natsTest("with what docs/snapshots.md adds to them, snapshots are listed and dropped", async (t) => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/snapshots.md"), "utf8");
  const added = [...page.matchAll(/`(\$JS\.API\.[A-Z.]+\.SNAPSHOTS\.[*>])`/g)].map(
    ([, subject = ""]) => subject,
  );
  t.is(added.length, 4);
  const permissions = added.map((subject) => ({ verb: "publish", subject, purpose: "listing snapshots" }));
  const users = ['{ user: admin, password: "p" }', userWith("tool", [...PERMISSIONS, ...permissions], WORDS)];
  const server = await startServer(t, {
    more: `authorization { timeout: 30, users: [\n${users.join("\n")}\n] }`,
  });
  const openAs = (user: string): Promise<EventLog> => {
    const credentials = { kind: "password", user, password: "p" } as const;
    const options = { ...QUICK, ...PATIENT, mustExist: user === "tool", credentials };
    return openLog(t, addressOf(server), options, PREFIX);
  };
  const log = await openAs("admin");
  for (const id of IDS) {
    const entity = { type: "cart", id };
    await log.saveSnapshot(entity, await log.append(entity, NO_POSITION, one), one);
  }
  const tool = await openAs("tool");
  const listed: string[] = [];
  for await (const { entity } of tool.snapshots()) listed.push(entity.id);
  t.deepEqual(listed.sort(), IDS);
  for (const id of IDS) await tool.dropSnapshot({ type: "cart", id });
  for await (const { entity } of log.snapshots()) t.fail(`${entity.id} is still there`);
  t.deepEqual(violationsOf(server, "tool"), []);
});

test("the numbers with which docs/event-log.md cuts a record out of its message are right", (t) => {
  const [, from, checksum] = /\| tail -c \+(\d+) \| head -c -(\d+) \|/.exec(PAGE) ?? [];
  const bytes = new Uint8Array([1, 2, 3]);
  const mark = new Author().mark();
  const stored = encodeStored({ mark, key: undefined, bytes }, "shop.ev.1.cart.ann");
  t.deepEqual(new Uint8Array(stored.subarray(Number(from) - 1, -Number(checksum))), bytes);
});
