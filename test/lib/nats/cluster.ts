// SPDX-License-Identifier: Apache-2.0

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freePort, systemRandom } from "../../../pkg/base/mod.ts";

import { until } from "../until.ts";
import type { NatsServer, NatsServerOptions } from "./server.ts";
import { existingBinary, startNatsServer } from "./server.ts";

/**
 * Options for all servers, without those that are set here. `folder` holds one folder per server. `port` is the port
 * of the first server.
 */
export interface NatsClusterOptions extends Omit<NatsServerOptions, "name" | "cluster" | "advertisedPort"> {
  /** The port of each server that clients are told to use. */
  readonly advertisedPorts?: readonly number[];
}

/** How long an election may take, in milliseconds. On an idle machine it takes four to nine seconds. */
const ELECTION_TIMEOUT_MS = 60_000;
const MONITOR_TIMEOUT_MS = 1_000;

/** A cluster of servers on this machine, named `nats-1`, `nats-2` and so on. */
export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly folder: string;
  readonly #ownsFolder: boolean;

  /** Use `startNatsCluster`. */
  constructor(servers: readonly NatsServer[], folder: string, ownsFolder: boolean) {
    this.servers = servers;
    this.folder = folder;
    this.#ownsFolder = ownsFolder;
  }

  get urls(): string[] {
    return this.servers.map((server) => server.url);
  }

  /** Returns the server of this name. A stream's information gives its leader by name. */
  server(name: string): NatsServer {
    const server = this.servers.find((each) => each.name === name);
    if (server === undefined) throw new Error(`no server of the cluster is named ${name}`);
    return server;
  }

  /** Waits until all running servers follow one meta leader and say that they are healthy. Returns the leader. */
  async ready(): Promise<NatsServer> {
    let leader: string | undefined;
    await until(
      "a meta leader of the cluster",
      async () => {
        const running = this.servers.filter((server) => server.isRunning);
        const leaders = await Promise.all(running.map(leaderSeenBy));
        leader = leaders[0];
        return leader !== undefined && leaders.every((each) => each === leader);
      },
      ELECTION_TIMEOUT_MS,
    );
    return this.server(leader ?? "");
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Starts `size` servers and waits until they have a meta leader, so that streams can be made. */
export async function startNatsCluster(size: number, options: NatsClusterOptions = {}): Promise<NatsCluster> {
  const binary = options.binary ?? (await existingBinary());
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "perdure-nats-"));
  const routePorts = await freePorts(size);
  const started = await Promise.allSettled(
    routePorts.map((routePort, index) => {
      const name = `nats-${index + 1}`;
      const port = options.port ? options.port + index : 0;
      const cluster = { routePort, routePorts };
      const advertisedPort = options.advertisedPorts?.[index];
      const ownFolder = join(folder, name);
      return startNatsServer({ ...options, binary, name, port, folder: ownFolder, cluster, advertisedPort });
    }),
  );
  const servers = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const cluster = new NatsCluster(servers, folder, options.folder === undefined);
  try {
    for (const each of started) if (each.status === "rejected") throw each.reason;
    await cluster.ready();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort("127.0.0.1", systemRandom));
  return [...ports];
}

/** The name of the meta leader that a server follows. Undefined if the server is not healthy or knows no leader. */
async function leaderSeenBy(server: NatsServer): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(MONITOR_TIMEOUT_MS);
    const health = await fetch(`${server.monitorUrl}/healthz`, { signal });
    const answer = await fetch(`${server.monitorUrl}/jsz`, { signal });
    const { meta_cluster: meta } = (await answer.json()) as {
      readonly meta_cluster?: { readonly leader?: string };
    };
    return health.ok ? meta?.leader : undefined;
  } catch {
    // It is on its way up or down.
    return undefined;
  }
}
