// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import type { ExecutionContext } from "ava";
import test from "ava";

import { goDependency } from "../../lib/go-tool.ts";
import { guardProcess } from "../../lib/nats/guard.ts";

const FOLDER = import.meta.dirname;
const RUNNER = {
  folder: join(FOLDER, "runner"),
  package: "connectrpc.com/conformance/cmd/connectconformance",
};

/** Fewer mean that cases are not run any more, as after a slip in `config.yaml`. */
const LEAST_CASES = 990;

interface Verdict {
  readonly exitCode: number;
  readonly cases: number;
  /** Cases that were expected to pass and failed, or the other way round. */
  readonly wrong: readonly string[];
  readonly output: string;
}

/** Lets the runner test our server, started with `serverArgs`, and gives what it found. */
async function runCases(
  program: string,
  args: readonly string[] = [],
  serverArgs: readonly string[] = [],
): Promise<Verdict> {
  const config = join(FOLDER, "config.yaml");
  const server = [process.execPath, join(FOLDER, "serve.ts"), ...serverArgs];
  const child = spawn(program, ["--mode", "server", "--conf", config, ...args, "--", ...server], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const guard = guardProcess(child.pid ?? 0);
  const exited = once(child, "close") as Promise<[number]>;
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  guard.release();
  const output = stdout + stderr;
  return {
    exitCode,
    cases: Number(/^Total cases: (\d+)$/m.exec(output)?.[1] ?? 0),
    wrong: output.match(/^FAILED: .*(?:\n\t.*)*/gm) ?? [],
    output,
  };
}

/** Builds the runner. Returns undefined, and prints a line that says so, where it is not available. */
async function buildRunner(t: ExecutionContext): Promise<string | undefined> {
  t.timeout(700_000, "building it for the first time takes a minute");
  const built = await goDependency(RUNNER);
  t.timeout(120_000);
  if (built.kind === "built") return built.path;
  console.log(`gRPC's conformance runner skipped: ${built.reason}`);
  t.pass();
  return undefined;
}

test.serial("every case of gRPC's conformance runner passes, over gRPC and gRPC-Web", async (t) => {
  const program = await buildRunner(t);
  if (program === undefined) return;
  const verdict = await runCases(program);
  t.is(verdict.wrong.join("\n"), "");
  t.is(verdict.exitCode, 0, verdict.output);
  t.true(verdict.cases >= LEAST_CASES, `only ${verdict.cases} cases`);
  t.log(verdict.output.slice(verdict.output.lastIndexOf("Total cases:")).trim());
});

test.serial("a case that fails is found", async (t) => {
  const program = await buildRunner(t);
  if (program === undefined) return;
  const { exitCode, wrong } = await runCases(program, ["--run", "Server Message Size/**"], ["half"]);
  t.is(exitCode, 1);
  t.true(
    wrong.some((one) => /\/request-equal-to-server-limit:\n\t/.test(one)),
    wrong.join("\n"),
  );
});
