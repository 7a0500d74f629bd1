// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";

import { create, toBinary } from "@bufbuild/protobuf";

import { freePort, systemRandom } from "../../pkg/base/mod.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "../../pkg/protocol/mod.ts";
import { PROXY_NODE_OPTIONS } from "../../pkg/webhook/mod.ts";

import { MALLOC_ENV } from "../../hack/image/malloc-env.ts";
import type { RunningProcess, TestScope } from "../lib/processes.ts";
import { startProcess, startProxyProcess, temporaryFolder } from "../lib/processes.ts";
import type { Caller } from "./calls.ts";
import { grpcCaller, httpCaller } from "./calls.ts";
import { openCgroup } from "./cgroup.ts";
import type { MemoryMeter } from "./memory.ts";
import { processMeter } from "./memory.ts";
import type { Target } from "./target.ts";
import { HOST } from "./target.ts";
import { PATHS } from "./wire/grpc.ts";
import { bookRequestBytes } from "./wire/messages.ts";

/** The process under attack, and everything that is watched during the attack. */
export interface World {
  readonly target: Target;
  /** The process that must live. */
  readonly process: RunningProcess;
  /** Processes that the attack depends on. If one of them ends, the attack shows nothing. */
  readonly others: readonly RunningProcess[];
  readonly meter: MemoryMeter;
  /** Callers whose calls are timed. */
  readonly bystanders: Readonly<Record<string, Caller>>;
  /** What must answer within a second at all times. */
  readonly probes: Readonly<Record<string, Caller>>;
}

export interface WorldOptions {
  /** Flags of the process, by name. */
  readonly flags: Readonly<Record<string, string>>;
  /** The bound of the process's cgroup. Without a cgroup, its heap is sized by this. */
  readonly memoryBytes: number;
  readonly wantsCgroup: boolean;
}

export type OpenWorld = (scope: TestScope, options: WorldOptions) => Promise<World>;

/** Longest interval between the proxy's attempts to connect to the user function, in milliseconds. */
const BACKOFF_MAX_MS = 50;

/** Node sizes its heap to half of its cgroup's bound. Without a cgroup this flag sets the same size. */
function nodeOptions(memoryBytes: number, hasCgroup: boolean): string {
  if (hasCgroup) return PROXY_NODE_OPTIONS;
  return `${PROXY_NODE_OPTIONS} --max-old-space-size=${memoryBytes / 2 / 1_048_576}`;
}

const FUNCTION = join(import.meta.dirname, "target", "function.ts");

/** A proxy with a SQLite log in front of `target/function.ts`. */
export const openProxyWorld: OpenWorld = proxyWorld(FUNCTION, (port) => ({
  JSON: httpCaller(port, "/targets/bystander?pages=1&pageBytes=10"),
  gRPC: grpcCaller(port, PATHS.read, bookRequestBytes({ id: "bystander", pages: 1, pageBytes: 10 })),
}));

/**
 * A proxy with a SQLite log, whose path is the fact `log`, in front of a user function. The user function is a
 * program that listens at `PORT`. Only the proxy is in the cgroup.
 */
export function proxyWorld(
  userFunctionMain: string,
  bystandersOf: (port: number) => Readonly<Record<string, Caller>>,
): OpenWorld {
  return (scope, options) => openProxy(scope, options, userFunctionMain, bystandersOf);
}

async function openProxy(
  scope: TestScope,
  { flags, memoryBytes, wantsCgroup }: WorldOptions,
  userFunctionMain: string,
  bystandersOf: (port: number) => Readonly<Record<string, Caller>>,
): Promise<World> {
  const functionPort = await freePort(HOST, systemRandom);
  // Side by side, because that takes half the time.
  const userFunction = startProcess(scope, userFunctionMain, { PORT: functionPort });
  const cgroup = wantsCgroup ? openCgroup(scope, memoryBytes) : undefined;
  const log = join(temporaryFolder(scope), "log.db");
  const proxy = await startProxyProcess(
    scope,
    {
      // As in its image.
      ...MALLOC_ENV,
      USER_FUNCTION_PORT: functionPort,
      PERDURE_LOG: `sqlite:${log}`,
      PERDURE_BACKOFF_MAX_MS: BACKOFF_MAX_MS,
      NODE_OPTIONS: nodeOptions(memoryBytes, cgroup !== undefined),
    },
    { args: flagArguments(flags), prefix: cgroup?.prefix ?? [] },
  );
  await proxy.ready();
  const { port, adminPort } = proxy;
  return {
    target: { port, adminPort, facts: { log } },
    process: proxy,
    others: [userFunction],
    meter: cgroup?.meter ?? processMeter(proxy.pid),
    bystanders: bystandersOf(port),
    probes: {
      health: grpcCaller(port, PATHS.health, HEALTH_REQUEST, SERVING),
      "/readyz": httpCaller(adminPort, "/readyz"),
      "/livez": httpCaller(adminPort, "/livez"),
    },
  };
}

const HEALTH_REQUEST = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema));
const SERVING = toBinary(
  HealthCheckResponseSchema,
  create(HealthCheckResponseSchema, { status: HealthCheckResponse_ServingStatus.SERVING }),
);

/** As `--name=value`. */
export function flagArguments(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
