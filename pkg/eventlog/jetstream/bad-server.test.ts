// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import type { ExecutionContext } from "ava";

import { makeReadOnly, natsOnFullDisk, natsWithoutPrivileges } from "../../../test/lib/bad-disk.ts";
import { fill, idsApart } from "../../../test/lib/full-log.ts";
import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { reconfigure } from "../../../test/lib/nats/reconfigure.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { managerOf } from "../../../test/lib/stream-manager.ts";
import type { EntityKey, EventLog, Position } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import { ENVELOPE_BYTES } from "./stored.ts";
import { addressOf, eventually, openLog, refused, startServer } from "./test-lib/logs.ts";

const one = new Uint8Array([1]);

/**
 * An append that fails is retried for half a second only. A request is given up after four seconds, because a healthy
 * server on a busy machine may need more than one.
 */
const HASTY = { streams: 2, requestTimeoutMs: 4_000, appendDeadlineMs: 500 };

natsTest(
  "I11: a stream that is full refuses, others go on; when max_bytes is raised the same log stores again",
  async (t) => {
    const server = addressOf(await startServer(t));
    const log = await openLog(t, server, { maxStreamBytes: 50_000, streams: 2 });
    const [ann, bob] = entitiesOf(log);
    const { position, error } = await fill(log, ann);
    t.is(error.code, "LOG_FULL");
    t.regex(error.message, /^cart\/\w+: the stream is full: raise its max_bytes/);
    await log.append(bob, NO_POSITION, one);
    t.is((await historyOf(log, ann)).at(-1), position);
    const manager = await managerOf(t, server);
    await manager.streams.update(`p_ev_${log.partitionOf(ann)}`, { max_bytes: 10_000_000 });
    await log.append(ann, position, one);
  },
);

natsTest(
  "I11: storage of a server, or of an account, that is used up is LOG_FULL until there is more",
  async (t) => {
    const account = `
    accounts { shop { jetstream { max_file: 100000 }, users: [{ user: u, password: p }] } }
    authorization { timeout: 30 }`;
    const ofServer = { options: { maxStoreBytes: 100_000 }, limit: "max_file_store: 100000" };
    const ofAccount = { options: { more: account }, limit: "max_file: 100000" };
    for (const { options, limit } of [ofServer, ofAccount]) {
      const server = await startServer(t, options);
      const credentials = { kind: "password", user: "u", password: "p" } as const;
      const log = await openLog(t, addressOf(server), "more" in options ? { credentials } : {});
      const [ann] = entitiesOf(log);
      const { position, error } = await fill(log, ann);
      t.is(error.code, "LOG_FULL", error.message);
      t.regex(error.message, /raise its max_bytes, or the server's max_file_store/);
      t.is((await historyOf(log, ann)).at(-1), position);
      await reconfigure(server, limit, limit.replace("100000", "100000000"));
      await eventually(() => log.append(ann, position, one), ["LOG_FULL", "LOG_UNAVAILABLE"]);
    }
  },
);

natsTest(
  "(I5) a stream whose disk is full is silent: the outcome is unknown, others go on; a restart with room heals it",
  async (t) => {
    const disk = await natsOnFullDisk(t);
    const server = await startServer(t, { binary: disk.binary });
    const log = await eventually(() => openLog(t, addressOf(server), HASTY));
    const [ann, bob] = entitiesOf(log);
    const { position, error } = await fill(log, ann);
    t.is(error.code, "OUTCOME_UNKNOWN");
    t.regex(
      error.message,
      /is not there yet \(a stream whose disk is full or broken .*see the server's log\)/,
    );
    t.is((await historyOf(log, ann)).at(-1), position);
    await log.append(bob, NO_POSITION, one);
    disk.makeRoom();
    await healedByRestart(t, server, log, ann, position);
  },
);

natsTest(
  "a server whose folder is read-only switches JetStream off: the log is unavailable; a restart heals it",
  async (t) => {
    const binary = await natsWithoutPrivileges(t);
    if (binary === undefined) {
      t.pass("root without setpriv may write everywhere");
      return;
    }
    const server = await startServer(t, { binary });
    // So small a stream begins a new file soon.
    const log = await eventually(() => openLog(t, addressOf(server), { ...HASTY, maxStreamBytes: 120_000 }));
    const [ann, bob] = entitiesOf(log);
    const { giveBack } = makeReadOnly(t, join(server.folder, "jetstream"));
    const { position, error } = await fill(log, ann);
    // The append that met the read-only folder gets no answer.
    t.is(error.code, "OUTCOME_UNKNOWN");
    const away = await eventually(() => refused(t, log.append(bob, NO_POSITION, one), "LOG_UNAVAILABLE"));
    t.regex(away.message, /JetStream is off, the stream is gone, .*the server's log tells/);
    await refused(t, log.read(ann), "LOG_UNAVAILABLE");
    giveBack();
    await healedByRestart(t, server, log, ann, position);
  },
);

natsTest(
  "JetStream that is switched off under a log, and on again, costs nothing but the time between",
  async (t) => {
    const server = await startServer(t);
    const log = await eventually(() => openLog(t, addressOf(server), HASTY));
    const [ann] = entitiesOf(log);
    const position = await log.append(ann, NO_POSITION, one);
    const patient = await openLog(t, addressOf(server), { readDeadlineMs: 60_000, appendDeadlineMs: 60_000 });
    await reconfigure(server, "jetstream {", "jetstream {\n enabled: false");
    await notRunning(log, ann);
    const [history, appended] = [historyOf(patient, ann), patient.append(ann, position, one)];
    const error = await refused(t, log.append(ann, position, one), "LOG_UNAVAILABLE");
    t.regex(error.message, /JetStream is off/);
    await reconfigure(server, "jetstream {\n enabled: false", "jetstream {");
    t.is((await history)[0], position);
    const last = await appended;
    t.deepEqual(await eventually(() => historyOf(log, ann)), [position, last]);
  },
);

natsTest(
  "I11: a record above max_payload is refused at once, also when the server lowers it later",
  async (t) => {
    const server = await startServer(t, { maxPayloadBytes: 10_000 });
    const log = await openLog(t, addressOf(server));
    const [ann] = entitiesOf(log);
    const largest = 10_000 - 100 - ENVELOPE_BYTES;
    const tooLarge = await refused(
      t,
      log.append(ann, NO_POSITION, new Uint8Array(largest + 1)),
      "RECORD_TOO_LARGE",
    );
    t.regex(tooLarge.message, /max_payload is 10000/);
    const position = await log.append(ann, NO_POSITION, new Uint8Array(largest));
    await reconfigure(server, "max_payload: 10000", "max_payload: 5000", { reload: false });
    await server.kill();
    await server.restart();
    t.deepEqual(await eventually(() => historyOf(log, ann)), [position]);
    const last = await eventually(() => log.append(ann, position, new Uint8Array(2_000)));
    const lowered = await refused(t, log.append(ann, last, new Uint8Array(largest)), "RECORD_TOO_LARGE");
    t.regex(lowered.message, /max_payload is 5000/);
    await log.append(ann, last, one);
  },
);

interface Denied {
  /** What the user may not publish to. */
  readonly subject: string;
  /** The subject that the error names. */
  readonly named: RegExp;
  readonly act: (open: (prefix?: string) => Promise<EventLog>, ann: EntityKey) => Promise<unknown>;
}

const DENIED: readonly Denied[] = [
  { subject: "$JS.API.INFO", named: /\$JS\.API\.INFO/, act: (open) => open() },
  { subject: "$JS.API.STREAM.INFO.*", named: /\$JS\.API\.STREAM\.INFO\.p_.._\d+/, act: (open) => open() },
  {
    subject: "$JS.API.STREAM.CREATE.*",
    named: /\$JS\.API\.STREAM\.CREATE\.new_ev_0/,
    act: (open) => open("new"),
  },
  {
    subject: "$JS.API.DIRECT.GET.p_sn_0.>",
    named: /\$JS\.API\.DIRECT\.GET\.p_sn_0\.p\.sn\.\d+\.cart\.ann/,
    act: async (open, ann) => (await open()).read(ann),
  },
  {
    subject: "$JS.API.DIRECT.GET.p_ev_0",
    named: /\$JS\.API\.DIRECT\.GET\.p_ev_0/,
    act: async (open, ann) => (await open()).read(ann),
  },
  {
    subject: "p.ev.>",
    named: /p\.ev\.\d+\.cart\.ann/,
    act: async (open, ann) => (await open()).append(ann, NO_POSITION, one),
  },
  {
    subject: "p.sn.>",
    named: /p\.sn\.\d+\.cart\.ann/,
    act: async (open, ann) => (await open()).saveSnapshot(ann, 1, one),
  },
  {
    subject: "$JS.API.CONSUMER.CREATE.>",
    named: /\$JS\.API\.CONSUMER\.CREATE\.p_ev_0\.[^"]+/,
    act: async (open) => (await open()).list("cart")[Symbol.asyncIterator]().next(),
  },
];

natsTest(
  "each missing permission is an error that names its subject; nothing is stored until it is given",
  async (t) => {
    const users = DENIED.map(
      ({ subject }, user) =>
        `{ user: u${user}, password: p, permissions: { publish: { deny: "${subject}" } } }`,
    );
    const deaf = `{ user: deaf, password: p, permissions: { subscribe: { deny: ["_INBOX.>"] } } }`;
    const all = ["{ user: admin, password: p }", deaf, ...users];
    const more = `authorization { timeout: 30, users: [${all.join("\n")}] }`;
    const server = await startServer(t, { more });
    const openAs = (user: string, prefix?: string) =>
      openLog(
        t,
        addressOf(server),
        { credentials: { kind: "password", user, password: "p" }, streams: 1 },
        prefix,
      );
    const admin = await openAs("admin");
    const ann = { type: "cart", id: "ann" };
    for (const [user, { named, act }] of DENIED.entries()) {
      const done = act((prefix) => openAs(`u${user}`, prefix), ann);
      const error = await refused(t, done, "LOG_UNUSABLE");
      t.regex(error.message, new RegExp(`allow this user to publish to "${named.source}"`));
    }
    const error = await refused(t, openAs("deaf"), "LOG_UNUSABLE");
    t.regex(error.message, /allow this user to subscribe to "_INBOX/);
    t.deepEqual(await admin.read(ann), { records: [], end: true });
    const mayNotWrite = await openAs(`u${DENIED.findIndex(({ subject }) => subject === "p.ev.>")}`);
    await refused(t, mayNotWrite.append(ann, NO_POSITION, one), "LOG_UNUSABLE");
    await reconfigure(server, '"p.ev.>"', '"other"');
    await eventually(() => mayNotWrite.append(ann, NO_POSITION, one), ["LOG_UNUSABLE", "LOG_UNAVAILABLE"]);
  },
);

/** Two entities whose records are in different streams. */
function entitiesOf(log: EventLog): readonly [EntityKey, EntityKey] {
  const [first, second] = idsApart(log, "cart");
  return [
    { type: "cart", id: first },
    { type: "cart", id: second },
  ];
}

async function historyOf(log: EventLog, entity: EntityKey): Promise<Position[]> {
  return (await log.read(entity)).records.map((record) => record.position);
}

/** Restarts the server. Then checks that the log has the acknowledged record, and takes appends again. */
async function healedByRestart(
  t: ExecutionContext,
  server: NatsServer,
  log: EventLog,
  entity: EntityKey,
  position: Position,
): Promise<void> {
  await server.kill();
  await server.restart();
  const history = await eventually(() => historyOf(log, entity));
  t.true(history.includes(position));
  const last = history.at(-1) ?? NO_POSITION;
  const next = await eventually(() => log.append(entity, last, one));
  t.deepEqual(await historyOf(log, entity), [...history, next]);
}

async function notRunning(log: EventLog, entity: EntityKey): Promise<void> {
  for (;;) {
    try {
      await log.read(entity);
    } catch {
      return;
    }
  }
}
