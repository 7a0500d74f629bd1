// SPDX-License-Identifier: Apache-2.0

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { create, toBinary } from "@bufbuild/protobuf";
import test from "ava";

import { systemClock } from "../../../pkg/base/mod.ts";
import type { EventLog } from "../../../pkg/eventlog/mod.ts";
import { NO_POSITION, openEventLog } from "../../../pkg/eventlog/mod.ts";
import { SnapshotSchema } from "../../../pkg/protocol/mod.ts";
import { NO_TELEMETRY } from "../../../pkg/telemetry/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import { RELAXED_LOG } from "../../../test/lib/nats/relaxed.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { temporaryFolder } from "../../../test/lib/processes.ts";
import { PerdureProcess } from "../cli/test-lib/perdure-process.ts";
import { listLine, shownSnapshot } from "./shown-snapshot.ts";

interface Run {
  readonly code: number | NodeJS.Signals | null;
  readonly lines: readonly string[];
}

async function perdure(cwd: string, ...args: readonly string[]): Promise<Run> {
  const child = new PerdureProcess(["snapshots", ...args], cwd);
  const code = await child.exit();
  return { code, lines: child.lines };
}

const TIME_MS = Date.parse("2026-11-29T04:00:00Z");

/** Three snapshots: of two carts, one of them without a version, and of an account. */
async function fill(log: EventLog): Promise<void> {
  for (const [type, id, version] of [
    ["shopping-cart", "ann", "2"],
    ["shopping-cart", "böb the 2nd", ""],
    ["account", "-5", "2"],
  ] as const) {
    const entity = { type, id };
    const position = await log.append(entity, NO_POSITION, Buffer.from("a record"));
    const snapshot = create(SnapshotSchema, {
      sequence: 100n,
      state: { typeUrl: "type.googleapis.com/shop.Cart", value: Buffer.from("state") },
      timeMs: BigInt(TIME_MS),
      version,
    });
    await log.saveSnapshot(entity, position, toBinary(SnapshotSchema, snapshot));
  }
}

function open(address: string): Promise<EventLog> {
  return openEventLog(address, { clock: systemClock, telemetry: NO_TELEMETRY, jetstream: RELAXED_LOG });
}

async function use<T>(address: string, work: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await open(address);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

const ANN = 'shopping-cart ann: 100 events, version "2", 5 bytes of shop.Cart, 2026-11-29T04:00:00.000Z';
const BOB =
  'shopping-cart "böb the 2nd": 100 events, no version, 5 bytes of shop.Cart, 2026-11-29T04:00:00.000Z';
const FIVE = 'account -5: 100 events, version "2", 5 bytes of shop.Cart, 2026-11-29T04:00:00.000Z';

test("snapshots in a file are listed, shown and dropped: one, those of a type, all; no record goes", async (t) => {
  const folder = realpathSync(temporaryFolder(t));
  const address = `sqlite:${join(folder, "log.db")}`;
  await use(address, fill);

  const listed = await perdure(folder, "list", "--log", address);
  t.deepEqual(listed, { code: 0, lines: [ANN, BOB, FIVE, `3 snapshots in ${address}`] });
  const ofType = await perdure(folder, "list", "account", "--log", address);
  t.deepEqual(ofType, { code: 0, lines: [FIVE, `1 snapshot in ${address}`] });
  const asJson = await perdure(folder, "list", "--json", "account", "--log", address);
  t.deepEqual(
    asJson.lines.map((line) => JSON.parse(line) as unknown),
    [
      {
        type: "account",
        id: "-5",
        events: 100,
        version: "2",
        stateType: "type.googleapis.com/shop.Cart",
        stateBytes: 5,
        time: "2026-11-29T04:00:00.000Z",
        keptReplies: 0,
        undoneEffects: 0,
      },
    ],
  );

  const shown = await perdure(folder, "show", "--log", address, "account", "--", "-5");
  t.is(shown.code, 0, shown.lines.join("\n"));
  t.true(shown.lines.includes('version         version "2"'), shown.lines.join("\n"));
  t.true(shown.lines.includes("state           c3RhdGU="), shown.lines.join("\n"));
  const missing = await perdure(folder, "show", "account", "6", "--log", address);
  t.deepEqual(missing, { code: 1, lines: [`perdure: account 6 has no snapshot in ${address}`] });

  const one = await perdure(folder, "drop", "shopping-cart", "ann", "--log", address);
  t.deepEqual(one, { code: 0, lines: [`dropped the snapshot of shopping-cart ann in ${address}`] });
  const again = await perdure(folder, "drop", "shopping-cart", "ann", "--log", address);
  t.deepEqual(again, { code: 0, lines: [`there was no snapshot of shopping-cart ann in ${address}`] });
  const type = await perdure(folder, "drop", "shopping-cart", "--log", address);
  t.deepEqual(type, { code: 0, lines: [`dropped 1 snapshot in ${address}`] });
  const all = await perdure(folder, "drop", "--all", "--log", address);
  t.deepEqual(all, { code: 0, lines: [`dropped 1 snapshot in ${address}`] });
  t.deepEqual((await perdure(folder, "list", "--log", address)).lines, [`0 snapshots in ${address}`]);
  await use(address, async (log) => {
    const page = await log.read({ type: "shopping-cart", id: "ann" });
    t.deepEqual(
      page.records.map(({ bytes }) => Buffer.from(bytes).toString()),
      ["a record"],
    );
  });
});

test("the log that perdure dev keeps for the function is taken if none is named, and PERDURE_LOG before it", async (t) => {
  const folder = realpathSync(temporaryFolder(t));
  mkdirSync(join(folder, "shop"));
  writeFileSync(join(folder, "shop/package.json"), JSON.stringify({ name: "@acme/shop" }));
  const path = join(folder, "shop/.perdure/shop.db");
  await use(`sqlite:${path}`, fill);
  t.is((await perdure(folder, "list", "--dir", "shop")).lines.at(-1), `3 snapshots in sqlite:${path}`);
  t.is((await perdure(join(folder, "shop"), "list")).lines.at(-1), `3 snapshots in sqlite:${path}`);
  const other = `sqlite:${join(folder, "other.db")}`;
  await use(other, async () => undefined);
  const child = new PerdureProcess(["snapshots", "list"], join(folder, "shop"), { PERDURE_LOG: other });
  t.is(await child.exit(), 0);
  t.is(child.text, `0 snapshots in ${other}`);
});

test("a log that a process has open is refused, and one that is not there is not made", async (t) => {
  const folder = realpathSync(temporaryFolder(t));
  const path = join(folder, "log.db");
  const log = await open(`sqlite:${path}`);
  for (const command of [["list"], ["show", "cart", "ann"], ["drop", "--all"]]) {
    const locked = await perdure(folder, ...command, "--log", `sqlite:${path}`);
    t.deepEqual(locked, {
      code: 1,
      lines: [
        `perdure: ${path}: process ${process.pid} has this log open; one process at a time may; stop it first (LOG_LOCKED)`,
      ],
    });
  }
  await log.close();

  const before = readdirSync(folder);
  const absent = await perdure(folder, "list", "--log", "sqlite:no/such/log.db");
  t.deepEqual(absent, {
    code: 1,
    lines: [`perdure: ${join(folder, "no/such/log.db")}: there is no log here (LOG_UNUSABLE)`],
  });
  writeFileSync(join(folder, "empty.db"), "");
  t.is((await perdure(folder, "drop", "--all", "--log", "sqlite:empty.db")).code, 1);
  t.deepEqual(readdirSync(folder).sort(), [...before, "empty.db"].sort());
  t.is(spawnSync("mkfifo", [join(folder, "fifo.db")]).status, 0);
  const fifo = await perdure(folder, "list", "--log", "sqlite:fifo.db");
  t.is(fifo.code, 1);
  t.regex(fifo.lines.join("\n"), /this is a FIFO.*\(LOG_UNUSABLE\)/);
});

test("wrong usage has exit code 2 and says what is right, and --help has all", async (t) => {
  const folder = realpathSync(temporaryFolder(t));
  for (const [args, text] of [
    [[], /perdure snapshots/],
    [["lst"], /unknown command 'lst'/],
    [["show", "cart"], /missing required argument 'id'/],
    [["list", "a", "b"], /too many arguments/],
    [["drop"], /say which snapshots: TYPE ID, TYPE, or --all alone/],
    [["drop", "--all", "cart"], /say which snapshots/],
    [["list", "--log", "file:x"], /no such kind of log/],
    [["list", "--dir", "nowhere"], /there is no folder/],
  ] as const) {
    const { code, lines } = await perdure(folder, ...args);
    t.is(code, 2, args.join(" "));
    t.regex(lines.join("\n"), text);
  }
  const memory = await perdure(folder, "list", "--log", "memory:");
  t.is(memory.code, 1);
  t.regex(memory.lines.join("\n"), /there for its own process only/);
  const help = await perdure(folder, "--help");
  t.is(help.code, 0);
  for (const part of [/perdure snapshots drop --all/, /Exit codes: 0 done/, /list \[options\] \[type\]/]) {
    t.regex(help.lines.join("\n"), part);
  }
  t.false(existsSync(join(folder, ".perdure")));
});

natsTest(
  "snapshots in NATS are listed and dropped while others have the log open, and a log that is not there is not made",
  async (t) => {
    const server = await startNatsServer();
    t.teardown(() => server.stop());
    const address = `nats://127.0.0.1:${server.port}/shop`;
    const log = await open(address);
    t.teardown(() => log.close());
    await fill(log);
    const folder = realpathSync(temporaryFolder(t));
    const listed = await perdure(folder, "list", "--log", address);
    t.is(listed.code, 0, listed.lines.join("\n"));
    t.deepEqual(listed.lines.toSorted(), [ANN, BOB, FIVE, `3 snapshots in ${address}`].toSorted());
    t.is((await perdure(folder, "show", "shopping-cart", "böb the 2nd", "--log", address)).code, 0);
    t.deepEqual((await perdure(folder, "drop", "shopping-cart", "--log", address)).lines, [
      `dropped 2 snapshots in ${address}`,
    ]);
    t.is((await log.read({ type: "shopping-cart", id: "ann" })).snapshot, undefined);
    t.is((await log.read({ type: "shopping-cart", id: "ann" })).records.length, 1);
    t.not((await log.read({ type: "account", id: "-5" })).snapshot, undefined);

    const other = await perdure(folder, "list", "--log", `nats://127.0.0.1:${server.port}/shp`);
    t.is(other.code, 1);
    t.regex(other.lines.join("\n"), /there is no log shp: .*\(LOG_UNUSABLE\)/);
    const again = await perdure(folder, "list", "--log", `nats://127.0.0.1:${server.port}/shp`);
    t.is(again.code, 1, "nothing was made the first time");
  },
);

test("a snapshot that cannot be read is shown as such", (t) => {
  const entity = { type: "cart", id: "a\u001b[2J" };
  const shown = shownSnapshot({ entity, position: 7, bytes: Buffer.from([0xff]) }, false);
  t.regex(listLine(shown), /^cart "a\\u001b\[2J": the snapshot at position 7 cannot be read/);
});
