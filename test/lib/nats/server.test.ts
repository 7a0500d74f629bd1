// SPDX-License-Identifier: Apache-2.0

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { ExecutionContext } from "ava";

import { temporaryFolder } from "../processes.ts";
import { until } from "../until.ts";
import { startNatsCluster } from "./cluster.ts";
import { natsTest } from "./nats-test.ts";
import type { NatsServerOptions } from "./server.ts";
import { startNatsServer } from "./server.ts";

const STREAM = { name: "EVENTS", subjects: ["events.>"] };
const FOREVER: Partial<ConnectionOptions> = { maxReconnectAttempts: -1, reconnectTimeWait: 50 };

async function start(t: ExecutionContext, options: NatsServerOptions = {}) {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

async function client(
  t: ExecutionContext,
  servers: string | string[],
  options: Partial<ConnectionOptions> = {},
): Promise<NatsConnection> {
  const connection = await connect({ servers, ...options });
  t.teardown(() => connection.close());
  return connection;
}

natsTest("what a server with sync always has acknowledged is there after SIGKILL", async (t) => {
  const server = await start(t, { syncInterval: "always" });
  const nats = await client(t, server.url, FOREVER);
  await (await jetstreamManager(nats, { timeout: 30_000 })).streams.add(STREAM);
  for (let seq = 1; seq <= 20; seq++) {
    const ack = await jetstream(nats).publish("events.a", `${seq}`);
    t.is(ack.seq, seq);
  }
  const { pid, url } = server;
  await server.kill("SIGKILL");
  t.false(server.isRunning);
  await server.restart();
  t.not(server.pid, pid);
  t.is(server.url, url);

  const manager = await jetstreamManager(await client(t, server.url), { timeout: 30_000 });
  t.is((await manager.streams.info("EVENTS")).state.messages, 20);
  t.is((await manager.streams.getMessage("EVENTS", { seq: 20 }))?.string(), "20");
});

natsTest("a server takes its limits, its credentials and more configuration", async (t) => {
  const auth = { kind: "password", user: "us er", password: 'pass"w\\ord' } as const;
  const more = "max_subscriptions: 7";
  const server = await start(t, { auth, maxPayloadBytes: 2_048, maxStoreBytes: 1_048_576, more });
  await t.throwsAsync(connect({ servers: server.url }), { message: /[Aa]uthorization/ });
  const nats = await client(t, server.url, { user: auth.user, pass: auth.password });
  t.is(nats.info?.max_payload, 2_048);

  const page = await fetch(`${server.monitorUrl}/varz`);
  const seen = (await page.json()) as Record<string, unknown> & { jetstream: { config: object } };
  t.like(seen, { host: "127.0.0.1", max_subscriptions: 7 });
  t.like(seen.jetstream.config, { max_storage: 1_048_576, sync_interval: 120_000_000_000 });
});

natsTest("a folder that was given stays, one of its own is removed", async (t) => {
  const folder = temporaryFolder(t);
  const given = await start(t, { folder });
  const own = await start(t);
  await Promise.all([given.stop(), own.stop()]);
  t.true(existsSync(join(folder, "jetstream")));
  t.false(existsSync(own.folder));
});

natsTest("a server that cannot start says why, in its own words", async (t) => {
  const first = await start(t);
  await t.throwsAsync(startNatsServer({ port: first.port }), { message: /address already in use/ });
  await t.throwsAsync(startNatsServer({ more: "no_such_field: 1" }), { message: /no_such_field/ });
});

natsTest("a stopped server goes on, and can be ended while it is stopped", async (t) => {
  const server = await start(t);
  const nats = await client(t, server.url);
  await server.kill("SIGSTOP");
  await t.throwsAsync(nats.request("nobody", "", { timeout: 200 }), { name: "TimeoutError" });
  await server.kill("SIGCONT");
  await nats.flush();
  await server.kill("SIGSTOP");
  await server.stop();
  t.false(server.isRunning);
});

natsTest("the command prints the URL; its server ends with it, even when it is killed", async (t) => {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const main = join(import.meta.dirname, "../../../hack/nats/main.ts");
    const command = spawn(process.execPath, [main, "--port", "0", "--store", temporaryFolder(t)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.teardown(() => command.kill("SIGKILL"));
    const exited = once(command, "exit");
    const [text] = (await once(command.stdout, "data")) as [Buffer];
    const nats = await client(t, text.toString().trim(), { reconnect: false });
    const closed = nats.closed();
    command.kill(signal);
    t.deepEqual(await exited, signal === "SIGINT" ? [0, null] : [null, "SIGKILL"]);
    await closed;
    await t.throwsAsync(connect({ servers: text.toString().trim(), reconnect: false }));
  }
});

natsTest("a cluster of three replicates, and goes on without its stream's leader", async (t) => {
  const cluster = await startNatsCluster(3, { syncInterval: "always" });
  t.teardown(() => cluster.stop());
  const nats = await client(t, cluster.urls, FOREVER);
  const manager = await jetstreamManager(nats, { timeout: 20_000 });
  const info = await manager.streams.add({ ...STREAM, num_replicas: 3 });
  t.is(info.cluster?.replicas?.length, 2);
  const leader = cluster.server(info.cluster?.leader ?? "");
  for (let seq = 1; seq <= 20; seq++) await jetstream(nats).publish("events.a", `${seq}`);

  await leader.kill("SIGKILL");
  const others = cluster.servers.filter((server) => server !== leader).map((server) => server.url);
  const second = await client(t, others, FOREVER);
  const publish = async (): Promise<boolean> => {
    try {
      return (await jetstream(second).publish("events.b", "after", { timeout: 500 })).seq > 20;
    } catch {
      return false;
    }
  };
  await until("a publish without the leader", publish);
  await leader.restart();
  await cluster.ready();
  const after = await (await jetstreamManager(second, { timeout: 30_000 })).streams.getMessage("EVENTS", {
    seq: 20,
  });
  t.is(after?.string(), "20");
});
