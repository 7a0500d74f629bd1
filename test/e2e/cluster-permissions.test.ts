// SPDX-License-Identifier: Apache-2.0

// Several proxies with exactly the permissions on NATS that docs/event-log.md names, and with one of them missing.

import type { ExecutionContext } from "ava";

import { SHARDS, systemClock } from "../../pkg/base/mod.ts";
import { openEventLog } from "../../pkg/eventlog/mod.ts";
import { NO_TELEMETRY } from "../../pkg/telemetry/mod.ts";

import { COUNTER_SERVICE } from "../lib/counter.ts";
import { startCounterPod } from "../lib/counter-pod.ts";
import type { LocalProxy } from "../lib/local-proxy.ts";
import { natsTest } from "../lib/nats/nats-test.ts";
import type { Permission } from "../lib/nats/permissions.ts";
import { documentedPermissions, subjectsOf, userWith, violationsOf } from "../lib/nats/permissions.ts";
import { RELAXED_LOG } from "../lib/nats/relaxed.ts";
import type { NatsServer } from "../lib/nats/server.ts";
import { startNatsServer } from "../lib/nats/server.ts";
import { managerOf } from "../lib/stream-manager.ts";
import { until } from "../lib/until.ts";

const WORDS = { prefix: "shop", streams: 1, inbox: "_PERDURE" };
const BUCKET = "shop_cluster";

const OF_LOG = documentedPermissions("log");
const OF_CLUSTER = documentedPermissions("cluster");

const COUNTERS = Array.from({ length: 40 }, (_, index) => `counter-${index}`);

const ADMIN = '{ user: admin, password: "p" }';

/** A server with these users, and a log whose streams an administrator has made. */
async function startServer(t: ExecutionContext, users: readonly string[]): Promise<NatsServer> {
  const server = await startNatsServer({
    more: `authorization { timeout: 30, users: [\n${[ADMIN, ...users].join("\n")}\n] }`,
  });
  t.teardown(() => server.stop());
  const credentials = { kind: "password", user: "admin", password: "p" } as const;
  const log = await openEventLog(`${server.url}/${WORDS.prefix}`, {
    clock: systemClock,
    telemetry: NO_TELEMETRY,
    jetstream: { ...RELAXED_LOG, streams: 1, credentials },
  });
  await log.close();
  return server;
}

function startPod(t: ExecutionContext, server: NatsServer, user: string, pod: string): Promise<LocalProxy> {
  return startCounterPod(t, pod, {
    PERDURE_LOG: `${server.url}/${WORDS.prefix}`,
    PERDURE_NATS_RECONNECT_DELAY_MS: "20",
    NATS_USER: user,
    NATS_PASSWORD: "p",
    NATS_INBOX_PREFIX: WORDS.inbox,
  });
}

/** Adds one to each counter at one proxy, and reads it at the other. */
async function useAll(t: ExecutionContext, adding: LocalProxy, reading: LocalProxy, total: number) {
  for (const id of COUNTERS) {
    const call = (proxy: LocalProxy, method: string, amount: number) =>
      proxy.http.call(`/${COUNTER_SERVICE}/${method}`, { body: { id, amount } });
    const added = await call(adding, "Add", 1);
    t.is(added.status, 200, added.body);
    t.like(JSON.parse((await call(reading, "Get", 0)).body), { amount: total });
  }
}

async function owned(proxy: LocalProxy): Promise<number> {
  const [, own] = /serves (\d+) of 1024 shards/.exec((await proxy.readyz()).body) ?? [];
  return Number(own);
}

natsTest("with the permissions that docs/event-log.md names, two proxies share their entities", async (t) => {
  t.true(OF_CLUSTER.length > 5);
  const server = await startServer(t, [userWith("exact", [...OF_LOG, ...OF_CLUSTER], WORDS)]);
  const first = await startPod(t, server, "exact", "pod-a");
  await first.ready();
  const second = await startPod(t, server, "exact", "pod-b");
  const share = async (): Promise<void> => {
    await until("each has its part", async () => {
      const [one, other] = [await owned(first), await owned(second)];
      return one > 0 && other > 0 && one + other === SHARDS;
    });
  };
  await share();
  await useAll(t, first, second, 1);
  await useAll(t, second, first, 2);

  // They find each other again, and the watch of both begins anew.
  await server.kill();
  await server.restart();
  await share();
  await useAll(t, first, second, 3);

  await first.proxy.stop();
  await until("all was handed over", async () => (await owned(second)) === SHARDS);
  await useAll(t, second, second, 4);
  t.deepEqual(violationsOf(server, "exact"), []);
});

/** What the proxy says when this permission is missing. */
function textOf(missing: Permission): string {
  const [subject = ""] = subjectsOf(missing, WORDS);
  return `allow this user to ${missing.verb} to "${subject.replace(/[*>]$/, "")}`;
}

/** Waits until the proxy is not ready for want of this permission, and says so. @param provoke what needs it, again. */
async function untilNamed(
  t: ExecutionContext,
  lacking: LocalProxy,
  missing: Permission,
  provoke: () => Promise<void>,
): Promise<void> {
  const what = textOf(missing);
  let body = "";
  const isNamed = async (): Promise<boolean> => {
    const answer = await lacking.readyz();
    ({ body } = answer);
    return answer.status === 503 && body.includes(what);
  };
  // Whether the client asks for its consumer when it has connected again is a matter of what it notices first.
  for (let tries = 0; tries < 20; tries++) {
    await provoke();
    try {
      return await until(what, isNamed, 3_000);
    } catch {}
  }
  t.fail(`it does not say "${what}", but "${body}"`);
}

natsTest("each of these permissions is needed, and a proxy that lacks one names it", async (t) => {
  const needed = OF_CLUSTER.filter(({ purpose }) => !purpose.includes("lost a message"));
  t.is(needed.length, OF_CLUSTER.length - 1);
  const users = needed.map((left, index) =>
    userWith(`lacks-${index}`, [...OF_LOG, ...OF_CLUSTER.filter((permission) => permission !== left)], WORDS),
  );
  const server = await startServer(t, [userWith("exact", [...OF_LOG, ...OF_CLUSTER], WORDS), ...users]);
  for (const [index, left] of needed.entries()) {
    const { streams } = await managerOf(t, `127.0.0.1:${server.port}`, { user: "admin", pass: "p" });
    await streams.purge(BUCKET).catch(() => undefined);
    // There is no stream when the first one starts that may not make it, and else an empty one.
    const isMaking = left.subject.includes("CREATE.PREFIX_cluster");
    if (isMaking) await streams.delete(BUCKET).catch(() => undefined);
    const lacking = await startPod(t, server, `lacks-${index}`, `pod-${index}`);
    // One that has nobody to talk to says nothing.
    const other =
      left.subject === "PREFIX_cluster-talk.>" ? await startPod(t, server, "exact", "other") : undefined;
    await untilNamed(t, lacking, left, async () => {
      if (!left.subject.includes("CONSUMER.INFO")) return;
      await lacking.ready();
      await server.kill();
      await server.restart();
    });
    await lacking.proxy.stop();
    await other?.proxy.stop();
  }
});
