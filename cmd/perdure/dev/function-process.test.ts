// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

import test from "ava";

import { startFunction } from "./function-process.ts";

const START = { folder: tmpdir(), env: process.env };

const node = (code: string) => ({ file: process.execPath, args: ["-e", code], text: "node" });
const shell = (code: string) => ({ file: "/bin/sh", args: ["-c", code], text: "sh" });

/** Starts the command. `first` resolves with its first line. */
function started(command: ReturnType<typeof node>) {
  const lines: string[] = [];
  const first = Promise.withResolvers<string>();
  const running = startFunction({
    ...START,
    command,
    onLine: (line, stream) => {
      lines.push(`${stream}: ${line}`);
      first.resolve(line);
    },
  });
  return { running, lines, first: first.promise };
}

/** True while there is a process with this id, or in this group if negative. */
function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 200 && lives(pid); tries++) await delay(25);
  return !lives(pid);
}

test("lines of both streams and the exit code come through", async (t) => {
  const { running, lines } = started(node("console.log('a'); console.error('b'); process.exitCode = 3"));
  t.deepEqual(await running.exited, { kind: "code", code: 3 });
  t.deepEqual(lines.sort(), ["stderr: b", "stdout: a"]);
});

test("it is asked to end by SIGTERM and may take its time; SIGKILL ends it at once", async (t) => {
  const patient = started(
    node(
      "process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); setInterval(() => 0, 1e6); console.log('up')",
    ),
  );
  await patient.first;
  patient.running.terminate();
  t.deepEqual(await patient.running.exited, { kind: "code", code: 0 });
  t.true(patient.lines.includes("stdout: bye"));

  const deaf = started(node("process.on('SIGTERM', () => 0); setInterval(() => 0, 1e6); console.log('up')"));
  await deaf.first;
  deaf.running.terminate();
  deaf.running.kill();
  t.deepEqual(await deaf.running.exited, { kind: "signal", signal: "SIGKILL" });
});

test("what the command started ends with it", async (t) => {
  const { running, first } = started(shell("sleep 600 & echo $!; wait"));
  const child = Number(await first);
  t.true(lives(child));
  running.terminate();
  t.deepEqual(await running.exited, { kind: "signal", signal: "SIGTERM" });
  t.true(await gone(child));
});

test("a program that is not there is said to be missing", async (t) => {
  const { running } = started({ file: "no-such-program", args: [], text: "no-such-program" });
  t.is(running.group, undefined);
  t.deepEqual(await running.exited, {
    kind: "not started",
    reason: "there is no program no-such-program",
  });
});

test("if its starter is killed, the orphan guard ends the whole group", async (t) => {
  const code = `
    import { startOrphanGuard } from "./orphan-guard.ts";
    import { startFunction } from "./function-process.ts";
    const command = { file: "/bin/sh", args: ["-c", "sleep 600 & echo $$; wait"], text: "sh" };
    const guard = startOrphanGuard();
    const running = startFunction({ command, folder: ".", env: process.env, onLine: (line) => console.log(line) });
    guard.protect(running.group);
  `;
  const args = ["--input-type=module-typescript", "-e", code];
  const starter = spawn(process.execPath, args, {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(starter.stdout), "line")) as [string];
  const group = Number(line);
  t.true(lives(-group));
  starter.kill("SIGKILL");
  await once(starter, "exit");
  t.true(await gone(-group));
});
