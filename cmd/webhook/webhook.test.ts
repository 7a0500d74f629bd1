// SPDX-License-Identifier: Apache-2.0

import { execFile } from "node:child_process";
import { join } from "node:path";

import test from "ava";

const MAIN = join(import.meta.dirname, "main.ts");

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, KUBERNETES_SERVICE_HOST: "" };
    execFile(process.execPath, [MAIN, ...args], { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

test("help, wrong usage and a start outside of a cluster end with what is expected of them", async (t) => {
  const [help, unknown, wrong, outside] = await Promise.all([
    run("--help"),
    run("--nonsense"),
    run("--port", "x"),
    run("--port", "0"),
  ]);
  t.is(help.code, 0);
  t.regex(help.out, /--check-interval <value>.*env\s+PERDURE_CHECK_INTERVAL_MS, default 60000 ms/s);
  t.is(unknown.code, 2);
  t.like(wrong, {
    code: 2,
    err: 'perdure-webhook: --port must be a whole number from 0 to 65535, not "x"\n',
  });
  t.is(outside.code, 1);
  t.regex(outside.err, /KUBERNETES_SERVICE_HOST/);
});
