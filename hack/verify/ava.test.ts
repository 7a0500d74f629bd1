// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { ExecutionContext } from "ava";
import test from "ava";

import type { Exit } from "./summary.ts";
import { judgeTests } from "./summary.ts";
import type { TestEvent } from "./test-event.ts";
import { readTestEvent } from "./test-event.ts";

const IMPORT = 'import test from "ava";\n';

/** Runs AVA for real on these test files, in a project of their own. */
async function run(t: ExecutionContext, files: Readonly<Record<string, string>>, timeout = "1m") {
  const root = mkdtempSync(join(tmpdir(), "perdure-ava-"));
  t.teardown(() => rmSync(root, { recursive: true }));
  symlinkSync(join(import.meta.dirname, "..", "..", "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  const config = { files: ["*.test.ts"], extensions: ["ts"], timeout };
  writeFileSync(join(root, "ava.config.js"), `export default ${JSON.stringify(config)};`);
  for (const [name, source] of Object.entries(files)) writeFileSync(join(root, `${name}.test.ts`), source);

  const child = spawn(process.execPath, [join(import.meta.dirname, "ava.ts"), "--tap"], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit") as Promise<[Exit["code"], Exit["signal"]]>;
  const events: TestEvent[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const event = readTestEvent(line);
    if (event !== undefined) events.push(event);
  }
  const [code, signal] = await exited;
  return { events, ...judgeTests(events, { code, signal }) };
}

/** The title of each failed test, followed by its details. */
function failures(events: readonly TestEvent[]): string[] {
  const tests = events.filter((event) => event.kind === "test");
  return tests
    .filter((event) => event.outcome === "failed")
    .map((event) => [event.title, ...event.details].join("\n"));
}

function has(t: ExecutionContext, events: readonly TestEvent[], ...parts: readonly string[]): void {
  const found = failures(events).some((failure) => parts.every((part) => failure.includes(part)));
  t.true(found, `no failure says ${parts.join(" and ")}:\n${failures(events).join("\n\n")}`);
}

test("passing, skipped, planned and expectedly failing tests end well", async (t) => {
  const fine = `${IMPORT}
test("passes", (t) => { t.log("seed: 17"); t.pass(); });
test.skip("skipped", (t) => t.pass());
test.todo("planned");
test.failing("fails as it should", (t) => t.fail());
`;
  const { counts, problems, events } = await run(t, { fine });
  t.deepEqual({ counts, problems }, { counts: { passed: 2, failed: 0, skipped: 2 }, problems: [] });
  t.true(events.some((event) => event.kind === "test" && event.logs.includes("seed: 17")));
  const ofFile = events.filter((event) => event.kind === "file");
  t.deepEqual(
    ofFile.map(({ file, isRunning }) => [file, isRunning]),
    [
      ["fine.test.ts", true],
      ["fine.test.ts", false],
    ],
  );
});

test("each way to fail is counted and says where it happened", async (t) => {
  const wrong = `${IMPORT}
test("differs", (t) => { t.deepEqual({ a: 1 }, { a: 2 }); });
test("throws", () => { throw new RangeError("two\\nlines"); });
test("asserts nothing", () => {});
`;
  const load = `${IMPORT}test("never starts", (t) => t.pass());\nthrow new Error("at load");`;
  const rejection = `${IMPORT}test("well", (t) => { void Promise.reject(new Error("nobody waits")); t.pass(); });`;
  const syntax = `${IMPORT}test("x", (t) => { t.pass( });`;
  const { counts, events } = await run(t, { wrong, load, rejection, syntax, none: IMPORT, foreign: "" });

  has(t, events, "differs", "-   a: 1", "+   a: 2", "wrong.test.ts:3:");
  has(t, events, "throws", "two", "wrong.test.ts:4:");
  has(t, events, "asserts nothing", "without running any assertions");
  has(t, events, "load.test.ts: at load", "load.test.ts:3:");
  has(t, events, "load.test.ts exited with a non-zero exit code");
  has(t, events, "rejection.test.ts: nobody waits", "rejection.test.ts:2:");
  has(t, events, "syntax.test.ts: Expression expected", "syntax.test.ts:2");
  has(t, events, "No tests found in none.test.ts");
  has(t, events, "No tests found in foreign.test.ts");
  t.is(counts.passed, 1);
  t.is(counts.failed, failures(events).length);
});

test("a test that hangs is named and fails, and the others are counted", async (t) => {
  const hangs = `${IMPORT}
test("waits for ever", () => new Promise((resolve) => setTimeout(resolve, 1e9)));
test("done", (t) => t.pass());
`;
  const { counts, problems, events } = await run(t, { hangs }, "10s");
  has(t, events, "waits for ever", "no new tests completed within the last 10000ms");
  t.deepEqual({ counts, problems }, { counts: { passed: 1, failed: 1, skipped: 0 }, problems: [] });
});

test("a file that ends its process fails, even with code 0, and is named", async (t) => {
  const exits = `${IMPORT}import process from "node:process";
test("leaves", async () => { await new Promise((resolve) => setTimeout(resolve, 10)); process.exit(0); });
`;
  const { counts, events } = await run(t, { exits });
  has(t, events, "leaves", "process.exit() when running exits.test.ts", "exits.test.ts:3:");
  t.is(counts.failed, 1);
});

test("an exception behind a test's back fails the file and the tests it cut short", async (t) => {
  const late = `${IMPORT}
test("cut short", async (t) => {
  setTimeout(() => { throw new Error("late"); }, 10);
  await new Promise((resolve) => setTimeout(resolve, 1e6));
  t.pass();
});
`;
  const { counts, events } = await run(t, { late });
  has(t, events, "late.test.ts: late", "late.test.ts:4:");
  t.is(counts.passed, 0);
  t.true(counts.failed >= 2);
});

test("a run that is killed, or finds no files, has failed", async (t) => {
  const kills = `${IMPORT}import process from "node:process";
test("kills", async () => { process.kill(process.pid, "SIGKILL"); await new Promise((resolve) => setTimeout(resolve, 1e6)); });
`;
  const killed = await run(t, { kills });
  t.deepEqual(killed.problems, ["the run broke off before its summary (signal SIGKILL)"]);
  t.is(killed.counts.failed, 1);

  const empty = await run(t, {});
  t.deepEqual(empty.problems, ["no tests ran"]);
  t.is(empty.counts.failed, 1);
});
