// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import type { ExecutionContext } from "ava";
import test from "ava";

import { silentLogger } from "../../base/mod.ts";
import { logsOnly } from "../../telemetry/mod.ts";

import { natsTest } from "../../../test/lib/nats/nats-test.ts";
import type { NatsServer } from "../../../test/lib/nats/server.ts";
import { startNatsServer } from "../../../test/lib/nats/server.ts";
import { managerOf } from "../../../test/lib/stream-manager.ts";
import type { EventLog } from "../event-log.ts";
import { NO_POSITION } from "../event-log.ts";
import type { JetStreamLogOptions } from "./options.ts";
import { addressOf, openLog, refused } from "./test-lib/logs.ts";

let shared: Promise<NatsServer> | undefined;
let lastLog = 0;

test.after.always(async () => {
  await (await shared)?.stop();
});

/** A server that all tests share, and in it one log for this test. */
class Place {
  readonly prefix = `streams-${++lastLog}`;
  readonly server: string;
  readonly manager: JetStreamManager;
  readonly #t: ExecutionContext;

  constructor(t: ExecutionContext, server: string, manager: JetStreamManager) {
    this.server = server;
    this.manager = manager;
    this.#t = t;
  }

  open(options: Partial<JetStreamLogOptions> = {}): Promise<EventLog> {
    return openLog(this.#t, this.server, options, this.prefix);
  }

  /** The names of the log's streams, without the prefix, in order. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const { config } of this.manager.streams.list(`${this.prefix}.>`)) names.push(config.name);
    return names.map((name) => name.slice(this.prefix.length + 1)).sort();
  }
}

async function place(t: ExecutionContext): Promise<Place> {
  shared ??= startNatsServer();
  const server = addressOf(await shared);
  return new Place(t, server, await managerOf(t, server));
}

const ann = { type: "cart", id: "ann" };
const bob = { type: "cart", id: "bob" };
const one = new Uint8Array([1]);

natsTest("a new log has as many streams as it is told, four if it is not", async (t) => {
  const [two, four] = [await place(t), await place(t)];
  t.is((await two.open({ streams: 2 })).partitions, 2);
  t.is((await four.open()).partitions, 4);
  t.deepEqual(await two.names(), ["ev_0", "ev_1", "sn_0", "sn_1"]);
  t.is((await four.names()).length, 8);
});

natsTest("a log keeps the number of its streams, whatever is asked later, and says so", async (t) => {
  const there = await place(t);
  const first = await there.open({ streams: 8 });
  const position = await first.append(ann, NO_POSITION, one);
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (text: string, fields?: object) => warnings.push([text, fields]) };
  const again = await there.open({ streams: 2, telemetry: logsOnly(logger) });
  t.is(again.partitions, 8);
  t.is((await again.read(ann)).records[0]?.position, position);
  t.regex(JSON.stringify(warnings), /keeps the number of streams.*"streams":8.*"wanted":2/);
  const quiet = await there.open({ telemetry: logsOnly({ ...silentLogger, warn: () => t.fail() }) });
  t.is(quiet.partitions, 8);
});

natsTest("openers at the same time with different numbers of streams agree on one layout", async (t) => {
  for (let round = 0; round < 5; round++) {
    const there = await place(t);
    const wanted = [1, 16, 2, 8, 4];
    const logs = await Promise.all(wanted.map((streams) => there.open({ streams })));
    const [first] = logs;
    t.deepEqual(new Set(logs.map((log) => log.partitions)).size, 1);
    const position = (await first?.append(bob, NO_POSITION, one)) ?? 0;
    for (const log of logs) t.is((await log.read(bob)).records[0]?.position, position);
    t.is((await there.names()).length, 2 * (first?.partitions ?? 0));
  }
});

natsTest("streams of a log that was never used are made where they are missing", async (t) => {
  const there = await place(t);
  await (await there.open({ streams: 4 })).close();
  for (const gone of ["ev_0", "ev_2", "sn_1"]) await there.manager.streams.delete(`${there.prefix}_${gone}`);
  const log = await there.open({ streams: 1 });
  t.is(log.partitions, 4);
  t.is((await there.names()).length, 8);
});

natsTest("(I6) a stream of events that was lost is never replaced by an empty one", async (t) => {
  for (const [gone, kept] of [
    ["ev_0", bob],
    ["ev_2", ann],
  ] as const) {
    const there = await place(t);
    const log = await there.open({ streams: 4 });
    await log.append(kept, NO_POSITION, one);
    await there.manager.streams.delete(`${there.prefix}_${gone}`);
    const error = await refused(t, there.open(), "LOG_CORRUPT");
    t.regex(error.message, new RegExp(`${there.prefix}_${gone} is gone.*restore it from a backup`));
    t.false((await there.names()).includes(gone));
  }
});

natsTest("a stream of snapshots that was lost is made anew: the records are all there", async (t) => {
  const there = await place(t);
  const log = await there.open({ streams: 4 });
  const position = await log.append(ann, NO_POSITION, one);
  await log.saveSnapshot(ann, position, one);
  await there.manager.streams.delete(`${there.prefix}_sn_0`);
  const again = await there.open();
  t.deepEqual(await again.read(ann), { records: [{ position, bytes: one }], end: true });
});

natsTest("a number of streams that no layout has is refused", async (t) => {
  const there = await place(t);
  for (const streams of [3, 5, 32]) {
    const error = await refused(t, there.open({ streams }), "LOG_BAD_ADDRESS");
    t.regex(error.message, /streams is one of 1, 2, 4, 8, 16/);
  }
  t.deepEqual(await there.names(), []);
});
