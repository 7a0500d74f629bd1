// SPDX-License-Identifier: Apache-2.0

import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import test from "ava";

import { randomBelow } from "../../base/mod.ts";
import { seededRandom } from "../../base/test-doubles/mod.ts";

import { EventLogError } from "../event-log.ts";
import { openSqliteLog } from "./log.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

test("(2, 5) after SIGKILL every acknowledged record is there, whole and in order, and nothing that was not sent", async (t) => {
  t.log(`SEED=${seed}`);
  const random = seededRandom(seed);
  const callers = 8;
  const path = logPath(t.teardown.bind(t));
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 3; round++) {
    const child = appender(path, callers);
    let left = 1 + randomBelow(random, 400);
    for await (const line of createInterface(child.stdout)) {
      const [id = "", number] = line.split(" ");
      if (number !== undefined) acknowledged.set(id, Number(number));
      if (left-- === 0) child.process.kill("SIGKILL");
    }
    await child.exited;

    const log = await openSqliteLog(path, { pageRecords: 100_000 });
    // A log that a failing assertion leaves open would keep the test's process alive.
    t.teardown(() => log.close());
    for (let index = 0; index < callers; index++) {
      const id = `e${index}`;
      const { records } = await log.read({ type: "cart", id });
      const texts = records.map((record) => new TextDecoder().decode(record.bytes));
      t.deepEqual(
        texts,
        texts.map((_, number) => `${number}:${"x".repeat(number % 300)}`),
      );
      const last = acknowledged.get(id) ?? -1;
      t.true(texts.length > last, `${id}: ${last} was acknowledged, ${texts.length} are there`);
      t.true(texts.length <= last + 2, `${id}: at most one more than was acknowledged`);
      // A record that was stored without an acknowledgement counts as acknowledged, because the next round continues
      // after it.
      acknowledged.set(id, texts.length - 1);
    }
    await log.close();
  }
});

test("the log is locked against another process until that is killed", async (t) => {
  const path = logPath(t.teardown.bind(t));
  const holder = appender(path, 0);
  await once(createInterface(holder.stdout), "line");

  const refused = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
  t.is(refused.code, "LOG_LOCKED");
  t.true(refused.message.includes(path), refused.message);
  t.true(refused.message.includes(`process ${holder.process.pid}`), refused.message);

  holder.process.kill("SIGKILL");
  await holder.exited;
  await (await openSqliteLog(path)).close();
});

test("another process is locked out as long as the log is open here", async (t) => {
  const path = logPath(t.teardown.bind(t));
  const log = await openSqliteLog(path);
  t.teardown(() => log.close());
  const again = await t.throwsAsync(openSqliteLog(path), { instanceOf: EventLogError });
  t.is(again.code, "LOG_LOCKED");
  t.regex(again.message, /this process/);
  const link = `${path}-link`;
  fs.symlinkSync(path, link);
  t.is((await t.throwsAsync(openSqliteLog(link), { instanceOf: EventLogError })).code, "LOG_LOCKED");

  // The attempts above must not have released the lock.
  const child = appender(path, 0);
  const errors: string[] = [];
  child.process.stderr?.on("data", (data) => errors.push(String(data)));
  await child.exited;
  t.regex(errors.join(""), /LOG_LOCKED/);
  await log.close();
  await (await openSqliteLog(path)).close();
});

function logPath(teardown: (action: () => void) => void): string {
  const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "perdure-log-")));
  teardown(() => fs.rmSync(folder, { recursive: true }));
  return join(folder, "log.db");
}

interface Appender {
  readonly process: ChildProcess;
  readonly stdout: NodeJS.ReadableStream;
  readonly exited: Promise<unknown>;
}

function appender(path: string, callers: number): Appender {
  const script = join(import.meta.dirname, "testdata/appender.ts");
  const child = spawn(process.execPath, [script, path, String(callers)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { process: child, stdout: child.stdout, exited: once(child, "close") };
}
