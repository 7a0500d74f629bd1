// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import test from "ava";

import { systemClock } from "../base/mod.ts";
import { NO_TELEMETRY } from "../telemetry/mod.ts";

import { NO_POSITION } from "./event-log.ts";
import { openEventLog } from "./open.ts";

const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY };

test("memory: opens a log in memory, with its own settings", async (t) => {
  const log = await openEventLog("memory:", { ...dependencies, memory: { maxMemoryLogBytes: 10 } });
  t.is(log.durability, "memory");
  await t.throwsAsync(log.append({ type: "t", id: "i" }, NO_POSITION, new Uint8Array(100)), {
    code: "LOG_FULL",
  });
  await log.close();
});

test("sqlite:PATH opens the log in that file, with its own settings", async (t) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "perdure-log-"));
  t.teardown(() => fs.rmSync(folder, { recursive: true }));
  const path = join(folder, "deeper", "log.db");
  const log = await openEventLog(`sqlite:${path}`, { ...dependencies, sqlite: { maxRecordBytes: 10 } });
  t.is(log.durability, "fsync-one-node");
  t.true(fs.existsSync(path));
  await t.throwsAsync(log.append({ type: "t", id: "i" }, NO_POSITION, new Uint8Array(100)), {
    code: "RECORD_TOO_LARGE",
  });
  await log.close();
});

test("credentials in the address and in a setting are refused: which of them would count?", async (t) => {
  const jetstream = { credentials: { kind: "creds", path: "/secret.creds" } } as const;
  const error = await t.throwsAsync(
    openEventLog("nats://me:hidden@127.0.0.1:1", { ...dependencies, jetstream }),
    {
      code: "LOG_BAD_ADDRESS",
      message: /in the address and in a setting/,
    },
  );
  t.notRegex(error?.message ?? "", /hidden/);
});

test("the client of NATS is loaded for a NATS address only", (t) => {
  t.deepEqual(loadedFor("memory:"), ["opened", 0]);
  const [outcome, count] = loadedFor("nats://127.0.0.1:1");
  t.is(outcome, "LOG_UNAVAILABLE");
  t.true(count > 0, "the check does not see what is loaded");
});

/** Opens a log in a separate process. Returns the outcome, and how many files of NATS's client that process loaded. */
function loadedFor(address: string): readonly [outcome: string, count: number] {
  const program = `
    const { openEventLog } = await import(process.argv[1]);
    const { systemClock } = await import(process.argv[2]);
    const { NO_TELEMETRY } = await import(process.argv[3]);
    const dependencies = { clock: systemClock, telemetry: NO_TELEMETRY };
    const outcome = await openEventLog(process.argv[4], dependencies).then(() => "opened", (error) => error.code);
    const loaded = Object.keys(process.getBuiltinModule("module")._cache).filter((path) => path.includes("@nats-io"));
    console.log(JSON.stringify([outcome, loaded.length]));`;
  const modules = ["mod.ts", "../base/mod.ts", "../telemetry/mod.ts"].map(
    (path) => new URL(path, import.meta.url).href,
  );
  const args = ["--input-type=module", "--eval", program, ...modules, address];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as [string, number];
}
