// SPDX-License-Identifier: Apache-2.0

import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { LogFields } from "../../base/mod.ts";
import { silentLogger } from "../../base/mod.ts";
import { ManualClock } from "../../base/test-doubles/mod.ts";
import { logsOnly } from "../../telemetry/mod.ts";

import { eventLogContract } from "../contract.ts";
import type { EventLogCode } from "../event-log.ts";
import { EventLogError, NO_POSITION } from "../event-log.ts";
import type { SqliteLog } from "./log.ts";
import { openSqliteLog } from "./log.ts";
import type { SqliteLogOptions } from "./options.ts";
import type { CreateWorker } from "./writer-link.ts";
import { createWriterWorker } from "./writer-link.ts";
import type { FromWriter, ToWriter } from "./writer-protocol.ts";

eventLogContract(test, "sqlite", async (limits) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  const path = join(folder, "log.db");
  // A small write-ahead log, so that it is emptied now and then.
  const options = { ...limits, checkpointPages: 50, maxWalPages: 100, logCheckIntervalMs: 50 };
  const log = await openSqliteLog(path, options);
  return {
    log,
    afterCrash: () => {
      const copy = join(folder, "crashed");
      fs.mkdirSync(copy);
      // Copies the files that a crash leaves. The index of the write-ahead log is not among them, because it is in
      // memory.
      for (const suffix of ["", "-wal"]) fs.copyFileSync(path + suffix, join(copy, `log.db${suffix}`));
      return openSqliteLog(join(copy, "log.db"), options);
    },
    trouble: {
      code: "LOG_UNUSABLE",
      begin: async () => fs.renameSync(path, `${path}-away`),
      end: async () => fs.renameSync(`${path}-away`, path),
    },
    dispose: async () => {
      await log.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
});

const ann = { type: "cart", id: "ann" };
const one = new Uint8Array([1]);

test("appends that come together share commits, and each is fsynced before it is acknowledged", async (t) => {
  const infos: LogFields[] = [];
  const logger = { ...silentLogger, info: (_message: string, fields: LogFields = {}) => infos.push(fields) };
  const { log } = await openLog(t, { telemetry: logsOnly(logger) });
  t.like(infos[0], { journalMode: "wal", synchronous: 2 });
  const entities = Array.from({ length: 64 }, (_, index) => ({ type: "cart", id: `${index}` }));
  await Promise.all(
    entities.map(async (entity) => {
      let last = NO_POSITION;
      for (let i = 0; i < 10; i++) last = await log.append(entity, last, one);
    }),
  );
  t.is(log.stats.operations, 640);
  t.true(log.stats.commits <= 30, `${log.stats.commits} commits for 640 appends of 64 callers`);
});

test("one caller alone gets a commit for each append", async (t) => {
  const { log } = await openLog(t);
  let last = NO_POSITION;
  for (let i = 0; i < 5; i++) last = await log.append(ann, last, one);
  t.is(log.stats.commits, 5);
});

test("a batch ends at maxBatchBytes", async (t) => {
  const { log } = await openLog(t, { maxBatchBytes: 1_000 });
  const appends = Array.from({ length: 10 }, (_, index) =>
    log.append({ type: "cart", id: `${index}` }, NO_POSITION, new Uint8Array(500)),
  );
  await Promise.all(appends);
  t.is(log.stats.commits, 5);
});

test("I11: beyond the bounds of what may wait an append is refused with LOG_OVERLOADED, and the others are stored", async (t) => {
  const { log } = await openLog(t, { maxPendingAppends: 10, maxPendingBytes: 1_000 });
  const append = (size: number) => (_: unknown, index: number) =>
    log.append({ type: `of ${size}`, id: `${index}` }, NO_POSITION, new Uint8Array(size));
  const many = await Promise.allSettled(Array.from({ length: 15 }, append(1)));
  t.is(many.filter((outcome) => outcome.status === "fulfilled").length, 10);
  const large = await Promise.allSettled(Array.from({ length: 15 }, append(300)));
  t.is(large.filter((outcome) => outcome.status === "fulfilled").length, 3);
  for (const outcome of [...many, ...large]) {
    if (outcome.status === "rejected") t.is((outcome.reason as EventLogError).code, "LOG_OVERLOADED");
  }
  // One record is taken whatever its size.
  await log.append(ann, NO_POSITION, new Uint8Array(5_000));
});

test("I5: a writer that dies before it commits leaves OUTCOME_UNKNOWN, and reading tells that nothing is stored", async (t) => {
  const writers = new Writers();
  const { log } = await openLog(t, {}, writers.create);
  const first = await log.append(ann, NO_POSITION, one);
  writers.dieAt = "commit";
  const lost = rejectsWith(t, log.append(ann, first, new Uint8Array([2])), "OUTCOME_UNKNOWN");
  const lostToo = rejectsWith(
    t,
    log.append({ type: "cart", id: "bob" }, NO_POSITION, one),
    "OUTCOME_UNKNOWN",
  );
  await Promise.all([lost, lostToo]);
  t.deepEqual((await log.read(ann)).records, [{ position: first, bytes: one }]);
  const second = await log.append(ann, first, new Uint8Array([3]));
  t.deepEqual((await log.read(ann, first)).records, [{ position: second, bytes: new Uint8Array([3]) }]);
  t.is(writers.all.length, 2);
});

test("I5: a writer that dies after it commits leaves OUTCOME_UNKNOWN, and reading tells that the record is stored", async (t) => {
  const writers = new Writers();
  const { log } = await openLog(t, {}, writers.create);
  writers.dieAt = "answer";
  await rejectsWith(t, log.append(ann, NO_POSITION, one), "OUTCOME_UNKNOWN");
  const { records } = await log.read(ann);
  t.deepEqual(
    records.map((record) => record.bytes),
    [one],
  );
  await rejectsWith(t, log.append(ann, NO_POSITION, one), "APPEND_CONFLICT");
  await log.append(ann, records[0]?.position ?? NO_POSITION, one);
});

test("appends that wait behind a dying writer go to its successor, and a tail sees them", async (t) => {
  const writers = new Writers();
  const { log } = await openLog(t, { maxBatchBytes: 1 }, writers.create);
  const tail = log.tail("cart", 0, NO_POSITION, new AbortController().signal)[Symbol.asyncIterator]();
  const seen = tail.next();
  writers.dieAt = "commit";
  const lost = rejectsWith(t, log.append(ann, NO_POSITION, one), "OUTCOME_UNKNOWN");
  const waiting = log.append({ type: "cart", id: "bob" }, NO_POSITION, one);
  await lost;
  const position = await waiting;
  t.deepEqual((await seen).value, { id: "bob", position, bytes: one });
});

test("a writer whose file is away leaves LOG_UNUSABLE, and is tried again after reopenDelayMs", async (t) => {
  const writers = new Writers();
  const clock = new ManualClock();
  const { log, path } = await openLog(t, { clock, reopenDelayMs: 500 }, writers.create);
  const first = await log.append(ann, NO_POSITION, one);
  fs.renameSync(path, `${path}-away`);
  writers.dieAt = "commit";
  await rejectsWith(t, log.append(ann, first, one), "OUTCOME_UNKNOWN");
  await rejectsWith(t, log.read(ann), "LOG_UNUSABLE");
  fs.renameSync(`${path}-away`, path);
  clock.advance(499);
  await rejectsWith(t, log.append(ann, first, one), "LOG_UNUSABLE");
  clock.advance(1);
  await log.append(ann, first, one);
  t.is((await log.read(ann)).records.length, 2);
});

test("close while the writer is being replaced closes the new one", async (t) => {
  const writers = new Writers();
  const { log, path } = await openLog(t, {}, writers.create);
  writers.dieAt = "commit";
  await rejectsWith(t, log.append(ann, NO_POSITION, one), "OUTCOME_UNKNOWN");
  await log.close();
  await (await openSqliteLog(path)).close();
});

test("a setting that makes no sense is refused by its name", async (t) => {
  const path = join(tmpdir(), "never-made", "log.db");
  const refused = await t.throwsAsync(openSqliteLog(path, { maxBatchBytes: 0 }), {
    instanceOf: EventLogError,
  });
  t.is(refused.code, "LOG_BAD_ADDRESS");
  t.regex(refused.message, /maxBatchBytes/);
  t.false(fs.existsSync(join(tmpdir(), "never-made")));
});

/** Creates real writer threads, and terminates one of them at the moment that `dieAt` names. */
class Writers {
  readonly all: Worker[] = [];
  dieAt: "commit" | "answer" | undefined;

  readonly create: CreateWorker = (start) => {
    const worker = createWriterWorker(start);
    this.all.push(worker);
    const post = worker.postMessage.bind(worker);
    worker.postMessage = (message: ToWriter, transfer: ArrayBuffer[] = []) => {
      if (message.kind === "commit" && this.dieAt === "commit") this.#end(worker);
      else post(message, transfer);
    };
    const emit = worker.emit.bind(worker);
    worker.emit = (event: string | symbol, ...values: unknown[]) => {
      const isAnswer = event === "message" && (values[0] as FromWriter).kind === "committed";
      if (!isAnswer || this.dieAt !== "answer") return emit(event as "message", ...(values as [unknown]));
      this.#end(worker);
      return true;
    };
    return worker;
  };

  #end(worker: Worker): void {
    this.dieAt = undefined;
    void worker.terminate();
  }
}

async function openLog(
  t: ExecutionContext,
  options: Partial<SqliteLogOptions> = {},
  createWorker: CreateWorker = createWriterWorker,
): Promise<{ readonly log: SqliteLog; readonly path: string }> {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  const path = join(folder, "log.db");
  const log = await openSqliteLog(path, { maxWalPages: 100, ...options }, createWorker);
  t.teardown(async () => {
    await log.close();
    fs.rmSync(folder, { recursive: true });
  });
  return { log, path };
}

async function rejectsWith(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: EventLogCode,
): Promise<void> {
  const error = await t.throwsAsync(promise, { instanceOf: EventLogError });
  t.is(error.code, code, error.message);
}
