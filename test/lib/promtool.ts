// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

import type { FoundProgram } from "./debian-program.ts";
import { debianProgram } from "./debian-program.ts";

/** Prometheus's own checker. */
export function findPromtool(): Promise<FoundProgram> {
  return debianProgram({ package: "prometheus", path: "usr/bin/promtool", trial: ["--version"] });
}

/** What it finds wrong with metrics in the text format of Prometheus; empty if nothing. */
export async function promtoolProblems(path: string, metrics: string): Promise<string> {
  const child = spawn(path, ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(metrics);
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return out + problems;
}
