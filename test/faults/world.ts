// SPDX-License-Identifier: Apache-2.0

import type { JetStreamManager } from "@nats-io/jetstream";
import { jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";

import { systemClock } from "../../pkg/base/mod.ts";
import { seededRandom } from "../../pkg/base/test-doubles/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import type { JumpingClock } from "../lib/bent-clock.ts";
import type { FaultProxy } from "../lib/fault-proxy.ts";
import { startFaultProxy } from "../lib/fault-proxy.ts";
import { startNatsCluster } from "../lib/nats/cluster.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import type { TestScope, UserFunctionProcess } from "../lib/processes.ts";
import { startShoppingCart } from "../lib/processes.ts";
import { until } from "../lib/until.ts";
import { bendClocks } from "./clocks.ts";
import type { RoundPlan } from "./plan.ts";
import { SCENARIOS } from "./plan.ts";
import type { ProxyProgram, ProxySlot } from "./proxy-slot.ts";
import { openSlot } from "./proxy-slot.ts";

/** Prefix of the names of the log's streams and subjects. */
const PREFIX = "faults";

/** The stream of members and owners. */
export const BUCKET = `${PREFIX}_cluster`;

/** The fence of an append: the sequence of the message before it on its subject. */
export const FENCE = "Nats-Expected-Last-Subject-Sequence";

/** How long a server may take for an answer to the harness, in milliseconds; long, since the machine may be busy. */
const PATIENCE_MS = 30_000;

/**
 * Everything that runs in a round: callers ─▶ proxies ─▶ fault proxies ─▶ nats-servers, and a user function, one for
 * each proxy if these share their carts. With a single server, each proxy has its own fault proxy. In a cluster, each
 * server has one, because it sends its clients the addresses of the other servers.
 */
export interface World {
  readonly servers: readonly NatsServer[];
  readonly links: readonly FaultProxy[];
  readonly proxies: readonly ProxySlot[];
  /** Wall clocks of proxies that can be made wrong. */
  readonly clocks: readonly JumpingClock[];
  /** Why clocks that the plan wants bent are true. */
  readonly clockProblem: string | undefined;
  /** The log's address at the server itself, not at a fault proxy. */
  readonly address: string;
  /** Waits until all servers follow one leader. */
  serversReady(): Promise<void>;
  /** Starts another proxy, which connects to a server directly. */
  openFreshProxy(): Promise<ProxySlot>;
}

/** `program` runs in the place of the proxy. */
export async function startWorld(scope: TestScope, plan: RoundPlan, program?: ProxyProgram): Promise<World> {
  const { callers, passivationMs } = plan;
  const userFunctions = await startUserFunctions(scope, plan);
  const nats = plan.replicas === 1 ? await oneServer(scope, plan) : await threeServers(scope, plan);
  const [first] = nats.servers;
  const address = `${first?.url}/${PREFIX}`;
  const jetstream = { ...RELAXED_LOG, replicas: plan.replicas, requestTimeoutMs: PATIENCE_MS };
  await (await openEventLog(address, { clock: systemClock, telemetry: NO_TELEMETRY, jetstream })).close();

  const slot = (index: number, log: string, more: Environment = {}) => {
    const timing = { PERDURE_PASSIVATION_TIMEOUT_MS: passivationMs, PERDURE_BACKOFF_MAX_MS: 100 };
    const userFunction = userFunctions[index % userFunctions.length];
    const env = { USER_FUNCTION_PORT: userFunction?.port ?? 0, PERDURE_LOG: log, ...timing, ...more };
    return openSlot(scope, { env, program, callers });
  };
  const clocks = await bendClocks(scope, plan);
  const proxies = await Promise.all(
    Array.from({ length: plan.proxies }, (_, index) => {
      const link = nats.links[index % nats.links.length];
      const log = `nats://127.0.0.1:${link?.port}/${PREFIX}`;
      return slot(index, log, { ...memberEnv(plan, index), ...clocks.envs[index] });
    }),
  );
  return {
    ...nats,
    proxies,
    clocks: clocks.jumping,
    clockProblem: clocks.problem,
    address,
    openFreshProxy: () => slot(0, address, ALONE),
  };
}

type Environment = Readonly<Record<string, string | number>>;

/** A proxy that believes that all carts are its own. */
const ALONE: Environment = { PERDURE_CLUSTER: "off" };

function startUserFunctions(scope: TestScope, plan: RoundPlan): Promise<UserFunctionProcess[]> {
  const count = SCENARIOS[plan.scenario].hasOwners === true ? plan.proxies : 1;
  return Promise.all(Array.from({ length: count }, () => startShoppingCart(scope)));
}

function memberEnv({ scenario, replicas, memberTtlMs }: RoundPlan, index: number): Environment {
  if (SCENARIOS[scenario].hasOwners !== true) return ALONE;
  return {
    PERDURE_CLUSTER: "on",
    POD_NAME: `pod-${index}`,
    PERDURE_LOG_REPLICAS: replicas,
    PERDURE_MEMBER_TTL_MS: memberTtlMs,
  };
}

type Nats = Pick<World, "servers" | "links" | "serversReady">;

async function oneServer(scope: TestScope, plan: RoundPlan): Promise<Nats> {
  const server = await startNatsServer();
  scope.teardown(() => server.stop());
  const links = await openLinks(scope, plan, plan.proxies);
  for (const link of links) link.aim(server.port);
  return { servers: [server], links, serversReady: () => healthy(server) };
}

async function threeServers(scope: TestScope, plan: RoundPlan): Promise<Nats> {
  const links = await openLinks(scope, plan, plan.replicas);
  const cluster = await startNatsCluster(links.length, { advertisedPorts: links.map(({ port }) => port) });
  scope.teardown(() => cluster.stop());
  for (const [index, link] of links.entries()) link.aim(cluster.servers[index]?.port ?? 0);
  const serversReady = async (): Promise<void> => {
    await cluster.ready();
    await Promise.all(cluster.servers.map(healthy));
  };
  return { servers: cluster.servers, links, serversReady };
}

async function openLinks(scope: TestScope, plan: RoundPlan, count: number): Promise<FaultProxy[]> {
  const random = seededRandom(plan.seed);
  const links = await Promise.all(Array.from({ length: count }, () => startFaultProxy(0, random)));
  for (const link of links) scope.teardown(() => link.close());
  return links;
}

/** Checks the server's streams, because a restarted server reports that it is ready before its streams are. */
function healthy(server: NatsServer): Promise<void> {
  const isHealthy = async (): Promise<boolean> => {
    try {
      return (await fetch(`${server.monitorUrl}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok;
    } catch {
      return false;
    }
  };
  return until(`${server.name} is healthy`, isHealthy, 60_000);
}

/** Connects to the servers directly, not through the fault proxies, and runs `work`. */
export async function withServers<T>(
  { servers }: Pick<World, "servers">,
  work: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const urls = servers.filter((server) => server.isRunning).map(({ url }) => url);
  // The servers would announce the ports of the fault proxies as addresses of each other.
  const options = { servers: urls, ignoreClusterUpdates: true, timeout: PATIENCE_MS };
  const connection = await connect(options);
  try {
    return await work(await jetstreamManager(connection, { timeout: PATIENCE_MS }), connection);
  } finally {
    await connection.close();
  }
}

/** Names of the streams that hold the events. */
export async function eventStreams(manager: JetStreamManager): Promise<string[]> {
  const names: string[] = [];
  for await (const { config } of manager.streams.list()) {
    const isOurs = config.subjects?.some((subject) => subject.startsWith(`${PREFIX}.ev.`)) ?? false;
    if (isOurs) names.push(config.name);
  }
  return names.sort();
}
