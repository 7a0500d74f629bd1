// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import type { ExecutionContext } from "ava";
import test from "ava";

import { driftingClock, findClockBender, JumpingClock } from "./bent-clock.ts";
import { temporaryFolder } from "./processes.ts";

const found = await findClockBender();
if (found.kind === "missing") console.log(`tests of bent clocks skipped: ${found.reason}`);
const clockTest = found.kind === "found" ? test : test.skip;
const library = found.kind === "found" ? found.path : "";

/** Prints the wall clock and the monotonic one whenever it is asked. */
const TELLER = `process.stdin.on("data", () => console.log(JSON.stringify([Date.now(), performance.now()])));`;

interface Told {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** A process with this environment, whose clocks can be asked for. */
function teller(t: ExecutionContext, env: Readonly<Record<string, string>>): () => Promise<Told> {
  const child = spawn(process.execPath, ["-e", TELLER], { env, stdio: ["pipe", "pipe", "inherit"] });
  t.teardown(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  return async () => {
    child.stdin.write("?");
    const [line] = (await once(lines, "line")) as [string];
    const [wallMs, monotonicMs] = JSON.parse(line) as [number, number];
    return { wallMs, monotonicMs };
  };
}

/** How much later it is by a process's clocks after what is half a second by ours. */
async function halfSecond(ask: () => Promise<Told>): Promise<Told & { readonly realMs: number }> {
  const before = await ask();
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const after = await ask();
  return {
    wallMs: after.wallMs - before.wallMs,
    monotonicMs: after.monotonicMs - before.monotonicMs,
    realMs: performance.now() - startMs,
  };
}

clockTest("all clocks of a process go as much faster or slower as they are told to", async (t) => {
  for (const rate of [0.25, 4]) {
    const { wallMs, monotonicMs, realMs } = await halfSecond(teller(t, driftingClock(library, rate)));
    t.log({ rate, wallMs, monotonicMs, realMs });
    for (const ms of [wallMs, monotonicMs]) t.true(ms > (rate * realMs) / 1.5 && ms < rate * realMs * 1.5);
  }
});

clockTest("a wall clock jumps, and the monotonic one goes on", async (t) => {
  const clock = new JumpingClock(library, temporaryFolder(t));
  const ask = teller(t, clock.env);
  for (const seconds of [3_600, -86_400]) {
    clock.jump(seconds);
    const isWrong = async (): Promise<boolean> =>
      Math.abs((await ask()).wallMs - Date.now() - seconds * 1_000) < 10_000;
    const before = await ask();
    const startMs = performance.now();
    while (!(await isWrong())) if (performance.now() - startMs > 10_000) return t.fail("it does not jump");
    const passedMs = (await ask()).monotonicMs - before.monotonicMs;
    t.true(passedMs >= 0 && passedMs < 20_000);
  }
});
