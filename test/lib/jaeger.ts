// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";

import { clusterPaths } from "../../hack/cluster/paths.ts";
import { buildJaeger } from "../../hack/cluster/programs.ts";
import { Steps } from "../../hack/cluster/steps.ts";
import { httpClient } from "./http-client.ts";
import type { StoredSpan } from "./jaeger-trace.ts";
import { readTrace, tracePath } from "./jaeger-trace.ts";
import { guardProcess } from "./nats/guard.ts";
import type { TestScope } from "./processes.ts";

/** A real Jaeger with the configuration of `config/monitoring/jaeger`, on free ports of 127.0.0.1. */
export interface Jaeger {
  /** Where it takes OTLP over gRPC. */
  readonly endpoint: string;
  /** The spans of a trace that it has so far, by its query API. */
  trace(traceId: string): Promise<readonly StoredSpan[]>;
}

const CONFIG = join(import.meta.dirname, "..", "..", "config", "monitoring", "jaeger", "jaeger.yml");

const GRPC = "receivers.otlp.protocols.grpc.endpoint";
const QUERY = "extensions.jaeger_query.http.endpoint";
/** What else it listens on, with that configuration. */
const OTHERS = ["receivers.otlp.protocols.http.endpoint", "extensions.jaeger_query.grpc.endpoint"] as const;

/** Starts it, and builds it first where that was never done. */
export async function startJaeger(scope: TestScope): Promise<Jaeger> {
  const program = await buildJaeger(clusterPaths(), new Steps());
  const at = new Map<string, number>();
  for (const key of [GRPC, QUERY, ...OTHERS]) at.set(key, await freePort("127.0.0.1", systemRandom));
  const places = [...at].map(([key, port]) => `--set=${key}=127.0.0.1:${port}`);
  const child = spawn(program, ["--config", CONFIG, ...places], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const guard = guardProcess(child.pid ?? 0);
  const query = httpClient(at.get(QUERY) ?? 0);
  scope.teardown(async () => {
    query.close();
    child.kill("SIGKILL");
    await exited;
    guard.release();
  });
  await started(createInterface(child.stderr));
  return {
    endpoint: `http://127.0.0.1:${at.get(GRPC) ?? 0}`,
    trace: async (traceId) => {
      const { status, body } = await query.call(tracePath(traceId));
      return status === 404 ? [] : readTrace(body);
    },
  };
}

/** Waits for the line after which a Collector takes what it is sent. Its further lines are read and dropped. */
async function started(lines: AsyncIterable<string> & NodeJS.EventEmitter): Promise<void> {
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line: string) => {
      if (line.includes("Everything is ready")) resolve();
      else if (said.length < 100) said.push(line);
    });
    lines.on("close", () => reject(new Error(`Jaeger did not start:\n${said.join("\n")}`)));
  });
}
